//! The trial, from the side of the command that wants to use the model.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::observer::Observer;
use super::super::worker_client::{self, WorkerAbort};
use super::question::{ModelCheckRequest, ModelCheckResponse, TrialDepth, Use};
use crate::failure::{Failure, UNUSABLE_MODEL};
use crate::llm::engine::TrialStep;
use crate::llm::{CheckKey, CheckedModels, ModelFiles};
use crate::plural::counted;

/// Time limit of a trial: large files may be on slow drives.
const HEADER_WITHIN: Duration = Duration::from_secs(120);
const WEIGHTS_WITHIN: Duration = Duration::from_secs(30 * 60);

/// The build that tried a model: another may behave differently.
const BUILD: &str =
    concat!(env!("CARGO_PKG_VERSION"), " ", env!("WORKLY_PERF_COMMIT"), " ", env!("WORKLY_PERF_FEATURES"));

/// Tries the model in a separate process, unless it has passed before. Returns if this process may use it in the same
/// way.
///
/// # Errors
/// Exit code 5 with the file's name if that process crashed or llama.cpp rejects it.
pub(crate) fn check_model_file(
    files: &ModelFiles,
    wanted: Use,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let key = |wanted: Use| CheckKey::of(files, &format!("{} {BUILD}", wanted.words()));
    let checked = CheckedModels::of_user();
    let was_good = |wanted: Use| checked.as_ref().zip(key(wanted)).is_some_and(|(checked, key)| checked.has(&key));
    if was_good(wanted) || was_good(Use { depth: TrialDepth::Weights, ..wanted }) {
        return Ok(());
    }
    if wanted.depth == TrialDepth::Weights {
        let name = files.paths[0].file_name().unwrap_or_default().to_string_lossy();
        observer.note(&format!("{name} has not been used here before: it is tested in a separate process first"));
    }
    if tried(files, wanted, stop)? == TrialResult::Good
        && let Some((checked, key)) = checked.zip(key(wanted))
    {
        checked.keep(&key);
    }
    Ok(())
}

/// Result of a trial that is not a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TrialResult {
    Good,
    /// No evidence against the file; any fault will show when it is used.
    Undecided,
}

fn tried(files: &ModelFiles, wanted: Use, stop: &AtomicBool) -> Result<TrialResult, Failure> {
    let path = std::path::absolute(&files.paths[0]).unwrap_or_else(|_| files.paths[0].clone());
    let request = ModelCheckRequest { path, wanted };
    let within = match wanted.depth {
        TrialDepth::Header => HEADER_WITHIN,
        TrialDepth::Weights => WEIGHTS_WITHIN,
    };
    let (mut reached, mut last) = (TrialStep::Vocabulary, None);
    let gone = worker_client::ask("model-check", &request, within, stop, |_, said| match said {
        Some(ModelCheckResponse::Step(begun)) => reached = begun,
        Some(answer) => last = Some(answer),
        None => {}
    });
    let name = files.paths[0].display();
    let unusable = |why: String| {
        let hint = match wanted.n_gpu_layers {
            0 => UNUSABLE_MODEL,
            _ => "the GPU's driver may be the cause: with 0 layers on the GPU, only the CPU is used",
        };
        Failure::unreadable(anyhow::anyhow!("{why}")).hint(hint)
    };
    match (gone, last) {
        (Err(WorkerAbort::Interrupted), _) | (_, Some(ModelCheckResponse::Interrupted)) => {
            Err(Failure::interrupted(anyhow::anyhow!("interrupted while {name} was tested")))
        }
        (_, Some(ModelCheckResponse::Good)) => Ok(TrialResult::Good),
        (_, Some(ModelCheckResponse::Refused { reason })) => Err(unusable(reason)),
        (_, Some(ModelCheckResponse::Undecided)) => Ok(TrialResult::Undecided),
        (Err(WorkerAbort::Failed(why)), _) => {
            Err(Failure::failed(anyhow::anyhow!("{name} could not be tested in a separate process: {why}")))
        }
        (Ok(gone), _) if gone.was_killed() => {
            Err(Failure::failed(anyhow::anyhow!("{name}: {}", gone.fate(during(reached))))
                .hint("use a smaller model or quantisation, or close other programs"))
        }
        // It says nothing about the file.
        (Ok(gone), _) if gone.met_illegal_instruction() => {
            Err(Failure::lacking(anyhow::anyhow!("{name}: {}", gone.fate(during(reached)))).hint(
                "build on this machine (scripts/quickstart), or take the archive for Linux, which chooses what its CPU can execute",
            ))
        }
        (Ok(gone), _) => {
            let fate = gone.fate(during(reached));
            let on_gpu = match wanted.n_gpu_layers {
                0 => String::new(),
                layers => format!(" with {} on the GPU", counted(layers, "layer")),
            };
            Err(unusable(format!("{name} cannot be used{on_gpu}: in a separate process, {fate}")))
        }
    }
}

fn during(step: TrialStep) -> &'static str {
    match step {
        TrialStep::Vocabulary => "while using the vocabulary",
        TrialStep::Placement => "while planning its placement",
        TrialStep::Weights => "while loading the weights",
        TrialStep::Generation => "while computing",
    }
}
