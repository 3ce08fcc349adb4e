//! The outline of the command.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::json;

use super::super::ending::{conclude, verdict};
use super::super::report::{rendered, show_record};
use super::findings::findings;
use super::lengths::{self, Lengths};
use super::prefix::{self, Prefix};
use super::start_cases;
use super::starts::{self, Fault, Starts};
use crate::cli::WarmupArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, ContextSpec, LogLevel, Model, Placement};
use crate::measure::{Readiness, StartOutcome};
use crate::plan::{WarmupPlan, oversubscribed};
use crate::record::{CaseState, HlogPart, RecordError};
use crate::stats::histogram_of;
use crate::studies::model_check::Use;
use crate::studies::setup::{LocatedModel, load, locate};
use crate::studies::{Recorder, RunManifest};
use crate::term::{Printer, Progress};

/// What has been measured so far.
#[derive(Default)]
struct Measured {
    starts: Option<Starts>,
    lengths: Option<Lengths>,
    prefix: Option<Prefix>,
}

impl Measured {
    fn is_interrupted(&self) -> bool {
        self.starts.as_ref().is_some_and(|starts| starts.interrupted)
            || self.lengths.as_ref().is_some_and(|lengths| lengths.interrupted)
            || self.prefix.as_ref().is_some_and(|prefix| prefix.interrupted)
    }
}

/// Plans, starts processes, loads, measures, says what came out.
pub(in super::super) fn run(args: &WarmupArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = WarmupPlan::resolve(args, &topology)?;
    let located = locate(args.model.as_ref(), args.config.as_deref(), Use::weights(plan.n_gpu_layers), &printer, stop)?;
    let backend = Backend::start()?;
    let mut recorder =
        Recorder::start(args.out.as_deref(), beginning(&plan, &located, backend), std::rc::Rc::new(printer))?;
    recorder.run.warnings.extend(oversubscribed(plan.n_threads, &topology));
    let mut measured = Measured::default();
    if let Err(failure) = measure(&plan, &located, backend, &mut recorder, &mut measured, (printer, stop)) {
        return Err(recorder.fail(failure));
    }
    let Measured { starts, lengths, prefix } = &measured;
    recorder.run.findings = findings(&recorder.run, starts.as_ref(), lengths.as_ref(), prefix.as_ref());
    if let Some(starts) = starts {
        write_histograms(&mut recorder, starts)?;
    }
    conclude(&mut recorder.run, measured.is_interrupted());
    without_cold(&mut recorder, &measured);
    recorder.log(backend, LogLevel::Warn);
    recorder.finish()?;
    show_record(&recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    verdict(&recorder.run, "--study names the parts that are to be measured")
}

/// A system on which no cold page cache can be made is no failure of the run: it is said, and the rest stands.
fn without_cold(recorder: &mut Recorder, measured: &Measured) {
    let Some(starts) = &measured.starts else { return };
    let Some(Fault::PageCache(reason)) = starts.failed.get(&Readiness::Cold) else { return };
    recorder.run.warnings.push(format!("no cold starts: {reason}"));
    let others = recorder.run.cases.iter().filter(|case| case.path != "start/cold");
    if !measured.is_interrupted() && others.into_iter().all(|case| case.state == CaseState::Ok) {
        (recorder.run.state, recorder.run.reason) = (crate::record::RunState::Complete, None);
    }
}

fn measure(
    plan: &WarmupPlan,
    located: &LocatedModel,
    backend: &'static Backend,
    recorder: &mut Recorder,
    measured: &mut Measured,
    (printer, stop): (Printer, &AtomicBool),
) -> Result<(), Failure> {
    if plan.start {
        let progress = Progress::start(printer, "starts", u64::from(plan.runs) * Readiness::ALL.len() as u64);
        let starts = starts::measure(plan, &located.path, progress.counter(), stop, |starts| {
            recorder.run.cases = start_cases::cases(plan, starts);
            recorder.save()
        });
        progress.clear();
        let starts = starts?;
        recorder.run.cases = start_cases::cases(plan, &starts);
        measured.starts = Some(starts);
    }
    if measured.is_interrupted() || !(plan.lengths || plan.prefix) {
        return Ok(());
    }
    let placement = Placement { n_gpu_layers: Some(plan.n_gpu_layers), use_mmap: true, mlock: false };
    let model = load(backend, &located.path, &placement, &printer, stop)?;
    on_model(plan, &model, recorder, measured, (printer, stop))
}

/// What needs the model in this process.
fn on_model(
    plan: &WarmupPlan,
    model: &Model,
    recorder: &mut Recorder,
    measured: &mut Measured,
    (printer, stop): (Printer, &AtomicBool),
) -> Result<(), Failure> {
    let spec = ContextSpec {
        n_ctx: plan.n_ctx,
        n_threads: plan.n_threads,
        n_threads_batch: plan.n_threads,
        ..ContextSpec::default()
    };
    let mut session = model.session(&spec)?;
    session.warm_up(16, 1, stop)?;
    let before = recorder.run.cases.clone();
    if plan.lengths {
        let progress = Progress::start(printer, "lengths", lengths::count(plan));
        let found = lengths::measure(plan, (model, &mut session), progress.counter(), stop, |so_far| {
            recorder.run.cases = [before.clone(), lengths::cases(so_far)].concat();
            recorder.save().map_err(Failure::from)
        });
        progress.clear();
        let found = found?;
        recorder.run.cases = [before, lengths::cases(&found)].concat();
        measured.lengths = Some(found);
    }
    if plan.prefix && !measured.is_interrupted() {
        let before = recorder.run.cases.clone();
        let mut keeping = model.session(&spec)?;
        keeping.warm_up(16, 1, stop)?;
        let progress = Progress::start(printer, "turns", plan.turns.into());
        let sessions = (&mut session, &mut keeping);
        let found = prefix::measure(plan, model, sessions, progress.counter(), stop, |so_far| {
            recorder.run.cases = [before.clone(), prefix::cases(so_far)].concat();
            recorder.save().map_err(Failure::from)
        });
        progress.clear();
        let found = found?;
        recorder.run.cases = [before, prefix::cases(&found)].concat();
        measured.prefix = Some(found);
    }
    Ok(())
}

fn beginning(plan: &WarmupPlan, located: &LocatedModel, backend: &Backend) -> RunManifest {
    RunManifest {
        command: "warmup",
        plan: serde_json::to_value(plan).unwrap_or_default(),
        subject: json!({
            "model_filename": located.name(),
            "found_by": located.found_by,
            "header_hash": located.facts.header_hash,
            "quantisation": located.facts.quantisation,
            "system_info": backend.system_info(),
        }),
        simulated: located.simulated(),
        warnings: located.facts.concerns(plan.n_ctx.into()).into_iter().chain(backend.vector_units()).collect(),
    }
}

/// Writes the histograms of every kind of start: the whole wait, and the later replies.
fn write_histograms(recorder: &mut Recorder, starts: &Starts) -> Result<(), RecordError> {
    for kind in Readiness::ALL {
        let outcomes = starts.of(kind);
        let path = format!("start/{}", kind.word());
        let Some(at) = recorder.run.cases.iter().position(|case| case.path == path) else { continue };
        if outcomes.is_empty() {
            continue;
        }
        let waits: Vec<u64> = outcomes.iter().map(|outcome| outcome.wait_ns).collect();
        let later = |outcome: &&StartOutcome| outcome.later.iter().map(|later| later.elapsed_ns).collect::<Vec<_>>();
        let laters: Vec<u64> = outcomes.iter().flat_map(later).collect();
        for (quantity, samples_ns) in [("wait", waits), ("later_reply", laters)] {
            let histogram = histogram_of(&samples_ns);
            let duration = Duration::from_nanos(samples_ns.iter().sum());
            let parts = [HlogPart { tag: None, histogram: &histogram, start: Duration::ZERO, duration }];
            let files = recorder.histograms(&recorder.run.cases[at], quantity, &parts)?;
            recorder.run.cases[at].histograms.push(files);
        }
    }
    Ok(())
}
