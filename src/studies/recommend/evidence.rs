//! The runs used by the rules: the named ones, otherwise those of this machine and model, plus measurements of what is
//! missing.

use std::sync::atomic::AtomicBool;

use super::super::observer::Observer;
use super::super::saved_runs::saved_runs_of;
use super::facts::RecommendedModel;
use super::measuring::{KnownFacts, MissingRuns, measure};
use crate::bridge::Target;
use crate::failure::Failure;
use crate::host;
use crate::plan::RecommendPlan;
use crate::record::{Machine, RecordFolder, Run};

/// The runs in order of their start, and warnings about them.
pub(super) struct SavedEvidence {
    pub(super) runs: Vec<Run>,
    pub(super) warnings: Vec<String>,
}

/// Reads, finds, measures.
pub(super) fn gather(
    plan: &RecommendPlan,
    model: Option<&RecommendedModel>,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<SavedEvidence, Failure> {
    let machine = host::machine();
    let mut runs = if plan.from.is_empty() {
        let saved = saved_runs_of(&machine).into_iter();
        saved.filter(|run| fits(run, model, plan.bridge.as_ref())).collect()
    } else {
        plan.from.iter().map(|path| RecordFolder::read(path)).collect::<Result<Vec<_>, _>>()?
    };
    let warnings = if plan.from.is_empty() { Vec::new() } else { from_elsewhere(&runs, &machine, model) };
    for warning in &warnings {
        observer.warning(warning);
    }
    if let Some(effort) = plan.effort {
        let missing = MissingRuns::among(&runs, model.is_some());
        let file_bytes = model.map_or(0, |model| model.facts.file_bytes);
        let measured = measure(plan, effort, missing, &KnownFacts { runs: &runs, file_bytes }, observer, stop)?;
        runs.extend(measured);
    }
    runs.sort_by_key(|run| run.started);
    Ok(SavedEvidence { runs, warnings })
}

/// Whether a saved run matches this model and bridge.
fn fits(run: &Run, model: Option<&RecommendedModel>, bridge: Option<&Target>) -> bool {
    match run.command.as_str() {
        "threads" | "gpu-profiles" | "warmup" => {
            model.is_some_and(|model| run.subject["header_hash"] == model.facts.header_hash.as_str())
        }
        "ipc" => run.simulated.is_empty() != matches!(bridge, Some(Target::Embedded(_))),
        _ => false,
    }
}

/// Named runs of another machine or model, which are used nevertheless, since the user asked for them.
fn from_elsewhere(runs: &[Run], machine: &Machine, model: Option<&RecommendedModel>) -> Vec<String> {
    let mut warnings = Vec::new();
    for run in runs {
        if run.machine.fingerprint != machine.fingerprint {
            warnings.push(format!("{} was measured on another machine", run.run_id));
        }
        let of = &run.subject["header_hash"];
        if let Some(model) = model.filter(|model| !of.is_null() && *of != model.facts.header_hash.as_str()) {
            warnings.push(format!("{} measured another model than {}", run.run_id, model.name()));
        }
    }
    warnings
}
