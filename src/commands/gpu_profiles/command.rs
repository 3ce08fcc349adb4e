//! The outline of the command.

use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::super::report::{rendered_tokens, show_record};
use super::cases::{cases, write_histograms};
use super::findings::findings;
use super::foresee::{Foreseen, budget, foresee, gpus};
use super::gpu_watch::GpuWatch;
use super::only_project;
use super::sweep::{Ended, Placed, Sweep, Swept};
use crate::advise::{MemoryBudget, PlacementPick};
use crate::cli::GpuProfilesArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::ModelFacts;
use crate::llm::engine::{Backend, Device, LogLevel, Target};
use crate::plan::{Depth, GpuProfilesPlan, ModelFoundBy, oversubscribed};
use crate::record::RunState;
use crate::studies::ended_by;
use crate::studies::model_check::Use;
use crate::studies::setup::synthetic_weights;
use crate::studies::setup::{LocatedModel, locate};
use crate::studies::{Recorder, RunManifest};
use crate::term::{Printer, Progress};

/// What is known before anything is measured.
pub(super) struct Known {
    pub(super) gpus: Vec<Device>,
    pub(super) foreseen: Foreseen,
    /// `None` without a GPU.
    pub(super) budget: Option<MemoryBudget>,
    /// The pick among all contexts and types of cache.
    pub(super) pick: Option<PlacementPick>,
    /// What `auto` comes to with the context that is measured.
    pub(super) auto: u32,
}

/// Plans, foresees, sweeps, says what came out.
pub(in super::super) fn run(args: &GpuProfilesArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = GpuProfilesPlan::resolve(args, &topology, rand::random());
    plan.first_context().check().map_err(|error| Failure::new(Exit::Usage, error.into()).hint("--flash-attn on"))?;
    if plan.depth == Depth::Project {
        return only_project::run(args, &plan, printer, stop);
    }
    let backend = Backend::start()?;
    if plan.demands_gpu() && gpus(backend).is_empty() {
        return Err(no_gpu(backend));
    }
    // Every placement on the GPU has a process of its own.
    let located = locate(args.model.as_ref(), args.config.as_deref(), Use::weights(0), &printer, stop)?;
    let known = known(backend, &located, &plan, stop)?;
    let mut recorder = Recorder::start(
        args.out.as_deref(),
        RunManifest {
            command: "gpu-profiles",
            plan: serde_json::to_value(&plan).unwrap_or_default(),
            subject: model_subject(&located.name(), located.found_by, &located.facts, backend, known.foreseen.target),
            simulated: synthetic_weights(&located.facts),
            warnings: concerns(&located.facts, &plan)
                .into_iter()
                .chain(backend.vector_units())
                .chain(oversubscribed(plan.n_threads, &topology))
                .collect(),
        },
        std::rc::Rc::new(printer),
    )?;
    let progress = Progress::start(printer, "gpu-profiles", 0);
    let mut sweep = Sweep {
        plan: &plan,
        path: &located.path,
        known: &known,
        stop,
        gpu_watch: GpuWatch::open(),
        done: progress.counter(),
    };
    let swept = sweep.run(|swept| {
        recorder.run.cases = cases(&plan, &known, swept);
        recorder.save()
    });
    progress.clear();
    let swept = swept?;
    conclude(&mut recorder, &plan, &known, &located, &swept)?;
    recorder.log(backend, LogLevel::Warn);
    show_record(&recorder, &rendered_tokens(&recorder.run, args.format, printer)?, printer)?;
    Ok(exit(&swept))
}

fn exit(swept: &Swept) -> Exit {
    let is_measured = |placed: &Placed| !placed.outcomes.is_empty();
    match swept.ended {
        Ended::Interrupted => Exit::Interrupted,
        _ if swept.placed.iter().any(is_measured) => Exit::Done,
        _ => Exit::Failed,
    }
}

/// Foresees all placements of the model on this machine, and what `auto` comes to.
fn known(
    backend: &'static Backend,
    located: &LocatedModel,
    plan: &GpuProfilesPlan,
    stop: &AtomicBool,
) -> Result<Known, Failure> {
    let gpus = gpus(backend);
    let target = if gpus.is_empty() { Target::Cpu } else { Target::Machine };
    let foreseen = foresee(backend, &located.path, plan, target, stop)?;
    let budget = if gpus.is_empty() { None } else { Some(budget(&gpus, plan)?) };
    let pick = budget.and_then(|budget| foreseen.pick(&budget));
    let auto = budget.and_then(|budget| foreseen.pick_first(&budget)).map_or(0, |pick| pick.chosen.n_gpu_layers);
    Ok(Known { gpus, foreseen, budget, pick, auto })
}

/// What must be known of the model with the longest of the planned contexts.
pub(super) fn concerns(facts: &ModelFacts, plan: &GpuProfilesPlan) -> Vec<String> {
    facts.concerns(plan.contexts.iter().copied().max().unwrap_or(0).into())
}

/// That a GPU was demanded and there is none.
pub(super) fn no_gpu(backend: &Backend) -> Failure {
    let devices: Vec<String> = backend.devices().into_iter().map(|device| device.name).collect();
    let error = anyhow::anyhow!(
        "there is no GPU that this build can place layers on: it knows {} ({})",
        devices.join(", "),
        if cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal")) {
            "built with a GPU backend, so the driver or the device is missing"
        } else {
            "built without CUDA, Vulkan and Metal"
        }
    );
    let hint = if cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal")) {
        "--layers 0 measures the CPU; --vram SIZE answers for a card that is not here"
    } else {
        "build with --features cuda or vulkan; --layers 0 measures the CPU, and --vram SIZE answers for a card that is not here"
    };
    Failure::new(Exit::Lacking, error).hint(hint)
}

/// What is measured, under llama-bench's names where it has one.
pub(super) fn model_subject(
    name: &str,
    found_by: ModelFoundBy,
    facts: &ModelFacts,
    backend: &Backend,
    target: Target,
) -> Value {
    let (ggml_version, commit) = backend.versions();
    let devices = backend.devices();
    let gpus: Vec<String> = gpus(backend).into_iter().map(|device| device.description).collect();
    json!({
        "model_filename": name,
        "found_by": found_by,
        "model_type": format!("{} {}", facts.architecture, facts.quantisation),
        "model_size": facts.file_bytes - facts.header_bytes,
        "model_n_params": facts.parameters,
        "header_hash": facts.header_hash,
        "quantisation": facts.quantisation,
        "offloadable_layers": facts.offloadable_layers,
        "target": target,
        "basis": target.basis(),
        "backends": devices.iter().map(|device| device.backend.as_str()).collect::<Vec<_>>(),
        "cpu_info": host::machine().cpu,
        "gpu_info": gpus.join(", "),
        "build_commit": commit,
        "build_number": 0,
        "ggml_version": ggml_version,
        "system_info": backend.system_info(),
    })
}

fn conclude(
    recorder: &mut Recorder,
    plan: &GpuProfilesPlan,
    known: &Known,
    located: &LocatedModel,
    swept: &Swept,
) -> Result<(), Failure> {
    recorder.run.cases = cases(plan, known, swept);
    recorder.run.findings = findings(plan, known, &located.facts, swept);
    let outcomes = swept.placed.iter().flat_map(|placed| &placed.outcomes);
    let mut warnings: Vec<String> = outcomes.flat_map(|outcome| outcome.measured.warnings.iter().cloned()).collect();
    warnings.sort_unstable();
    warnings.dedup();
    recorder.run.warnings.extend(warnings);
    write_histograms(recorder, plan, swept)?;
    (recorder.run.state, recorder.run.reason) = match swept.ended {
        Ended::Interrupted => (RunState::Interrupted, Some(ended_by())),
        _ => (RunState::Complete, None),
    };
    Ok(recorder.finish()?)
}
