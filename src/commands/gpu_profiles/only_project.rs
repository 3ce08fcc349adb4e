//! `gpu-profiles --project`: nothing is loaded.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::super::report::{rendered_tokens, show_record};
use super::cards::{PickedCard, founding_table, picked};
use super::command::model_subject;
use super::foresee::{Foreseen, budget, foresee, gpus};
use crate::advise::gib;
use crate::cli::GpuProfilesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::engine::{Backend, ContextSpec, EngineError, Projection, Target, project};
use crate::llm::{ModelFacts, ModelOutline, ModelRef, ProfileDifference};
use crate::plan::{GpuProfilesPlan, ModelChoice};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, RunState};
use crate::studies::model_check::{Use, check_model_file};
use crate::studies::setup::chat_model;
use crate::studies::setup::synthetic_weights;
use crate::studies::{Recorder, RunManifest};
use crate::term::Printer;

/// Cards that are answered for where there is no GPU and none was named, in GiB.
const USUAL_CARDS: [u64; 5] = [4, 6, 8, 12, 24];

/// What one of the app's profiles takes on a card.
#[derive(Debug)]
pub(super) struct ProfileNeed {
    /// Its name.
    pub(super) name: String,
    /// On the card, in bytes.
    pub(super) device_bytes: u64,
    /// The whole projection.
    pub(super) projection: Projection,
}

/// Foresees, keeps, shows.
pub(super) fn run(
    args: &GpuProfilesArgs,
    plan: &GpuProfilesPlan,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<Exit, Failure> {
    let choice = ModelChoice::find(args.model.as_ref(), args.config.as_deref())?;
    let outline = ModelOutline::of(&choice.model).map_err(|error| {
        Failure::new(Exit::Failed, anyhow::Error::new(error).context("cannot write the outline of a synthetic model"))
            .hint("it goes to the folder for temporary files")
    })?;
    let (files, facts) = chat_model(outline.path())?;
    if matches!(choice.model, ModelRef::File(_)) {
        check_model_file(&files, Use::header(0), &printer, stop)?;
    }
    let backend = Backend::start()?;
    let here = gpus(backend);
    if here.is_empty() && plan.require_gpu {
        return Err(super::command::no_gpu(backend));
    }
    let cards = match (plan.cards_bytes.as_slice(), here.as_slice()) {
        ([], []) => USUAL_CARDS.map(|gib| gib << 30).to_vec(),
        (cards, _) => cards.to_vec(),
    };
    let target = match cards.iter().max() {
        Some(&memory_bytes) => Target::Card { memory_bytes },
        None => Target::Machine,
    };
    let foreseen = foresee(backend, outline.path(), plan, target, stop)?;
    let needs = needs(backend, outline.path(), &facts, foreseen.target, stop)?;
    let picked = match target {
        Target::Machine => {
            let budget = budget(&here, plan)?;
            vec![PickedCard { name: here[0].description.clone(), pick: foreseen.pick(&budget), budget }]
        }
        _ => picked(&foreseen, plan, &cards)?,
    };
    let mut recorder = Recorder::start(
        args.out.as_deref(),
        RunManifest {
            command: "gpu-profiles",
            plan: serde_json::to_value(plan).unwrap_or_default(),
            subject: model_subject(&choice.model.to_string(), choice.found_by, &facts, backend, target),
            simulated: synthetic_weights(&facts),
            warnings: super::command::concerns(&facts, plan),
        },
        std::rc::Rc::new(printer),
    )?
    .without_noise();
    let mut cases: Vec<Case> = foreseen.first.iter().map(|placement| projected("project", placement, None)).collect();
    cases.extend(needs.iter().map(|need| projected("profile", &need.projection, Some(&need.name))));
    cases.extend(picked.iter().map(PickedCard::case));
    recorder.run.cases = cases;
    recorder.run.findings = findings(&foreseen, &facts, &picked, here.is_empty());
    if matches!(target, Target::Card { .. }) {
        recorder.run.findings.extend(founding_table(&foreseen, plan, &needs, facts.file_bytes)?);
    }
    recorder.run.state = RunState::Complete;
    recorder.finish()?;
    show_record(&recorder, &rendered_tokens(&recorder.run, args.format, printer)?, printer)?;
    Ok(Exit::Done)
}

/// What each of the app's profiles takes, with its own context and batch.
fn needs(
    backend: &'static Backend,
    path: &Path,
    facts: &ModelFacts,
    target: Target,
    stop: &AtomicBool,
) -> Result<Vec<ProfileNeed>, Failure> {
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let of = |profile: &crate::llm::ResolvedProfile| {
        let n_batch = small(profile.asked.n_batch);
        let spec = ContextSpec {
            n_ctx: small(profile.asked.n_ctx),
            n_batch,
            n_ubatch: n_batch.min(512),
            ..ContextSpec::default()
        };
        if stop.load(Ordering::Relaxed) {
            return Err(EngineError::Stopped { done: 0 }.into());
        }
        let layers = small(profile.resolved_gpu_layers.unwrap_or(0));
        let projection = project(backend, path, layers, &spec, target)?;
        Ok(ProfileNeed {
            name: profile.asked.name.clone(),
            device_bytes: projection.on_devices().total_bytes(),
            projection,
        })
    };
    facts.profiles.iter().map(of).collect()
}

/// A placement that was foreseen, as a case.
fn projected(kind: &str, placement: &Projection, name: Option<&str>) -> Case {
    let on = placement.on_devices();
    let bytes = |name: &str, bytes: u64| Metric::plain(name, "bytes", bytes as f64, 1, Direction::Lower);
    let layers = placement.n_gpu_layers;
    Case {
        path: name.map_or_else(|| format!("{kind}/ngl={layers}"), |name| format!("{kind}/{name}")),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions: json!({ "n_gpu_layers": layers, "n_ctx": placement.n_ctx, "projection": placement }),
        notes: Vec::new(),
        metrics: vec![
            bytes("vram_projected", on.total_bytes()),
            bytes("vram_model", on.model_bytes),
            bytes("vram_context", on.context_bytes),
            bytes("vram_compute", on.compute_bytes),
            bytes("host_projected", placement.host.total_bytes()),
        ],
        histograms: Vec::new(),
    }
}

/// What of all this the application can ask for.
pub(super) const PROFILES_ALONE: &str =
    "The application can ask for its profiles alone: for no number of layers, context or KV cache beside them.";

fn findings(foreseen: &Foreseen, facts: &ModelFacts, picked: &[PickedCard], is_without_gpu: bool) -> Vec<String> {
    let mut findings = Vec::new();
    if is_without_gpu {
        findings.push(
            "This machine has no GPU that this build can use: what follows is for cards that are not here.".into(),
        );
    }
    if let Some(all) = foreseen.first.last() {
        let on = all.on_devices();
        findings.push(format!(
            "All {} layers with a context of {} take {} on the card: {} of weights, {} of KV cache, {} of buffers; {} stay \
             with the CPU.",
            all.n_gpu_layers,
            all.n_ctx,
            gib(on.total_bytes()),
            gib(on.model_bytes),
            gib(on.context_bytes),
            gib(on.compute_bytes),
            gib(all.host.total_bytes())
        ));
    }
    findings.extend(foreseen.gave_up.clone());
    findings.extend(picked.iter().map(PickedCard::sentence));
    findings.push(PROFILES_ALONE.into());
    findings.extend(same_in_truth(facts));
    findings.push(format!(
        "{} {} in {:.0} ms; no weight was read. What the driver takes for itself is not in them.",
        counted(foreseen.options.len(), "placement"),
        foreseen.target.basis(),
        foreseen.took_ms
    ));
    findings
}

/// The profiles that place the same layers of this model, a sentence a pair.
pub(super) fn same_in_truth(facts: &ModelFacts) -> Vec<String> {
    let asks = |name: &str| {
        let profile = facts.profiles.iter().find(|profile| profile.asked.name == name);
        profile.map_or_else(String::new, |profile| match profile.asked.n_gpu_layers {
            ..0 => format!("{name} (all)"),
            asked => format!("{name} ({asked})"),
        })
    };
    let same = facts.profile_differences.iter().filter(|pair| pair.same_placement == Some(true));
    same.map(|ProfileDifference { left, right, differ_in, .. }| {
        format!(
            "The profiles {} and {} place the same layers of this model, which has {}; they differ in {}.",
            asks(left),
            asks(right),
            facts.offloadable_layers.unwrap_or(0),
            differ_in.join(", ")
        )
    })
    .collect()
}
