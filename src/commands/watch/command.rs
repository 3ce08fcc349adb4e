//! Runs `watch` from its arguments and prints the result.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use serde_json::Value;

use super::super::report::{facts, show};
use super::display::WatchOutput;
use super::lines;
use super::profile::profile_writer;
use crate::cli::WatchArgs;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::WatchPlan;
use crate::report::Format;
use crate::studies::Observer;
use crate::studies::watch::{
    Snapshot, SnapshotLog, SnapshotSampler, WatchOutcome, WatchSession, WatchedGpus, ggml_devices, open_sources,
};
use crate::term::Printer;

pub(in super::super) fn run(args: &WatchArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let plan = WatchPlan::resolve(args)?;
    let (devices, sampler) = open_sources(&plan, args.require_gpu)?;
    if args.once {
        return once(args.format, &devices, sampler, printer);
    }
    let mut session = WatchSession::new(&plan, devices, sampler)?;
    session.log = args.csv.as_deref().map(SnapshotLog::create).transpose()?;
    session.write_profile = plan.apply.as_deref().map(profile_writer).transpose()?;
    let open = || Ok(WatchOutput::open(args.plain, printer)?);
    let observer: Rc<dyn Observer> = Rc::new(printer);
    let (recorder, outcome) = session.watch(args.out.as_deref(), &observer, stop, open)?;
    for finding in &recorder.run.findings {
        printer.note(finding);
    }
    printer.record(recorder.path());
    if outcome == WatchOutcome::Gaps {
        printer.error("a GPU was temporarily unavailable: some of its figures are missing");
    }
    recorder.settle()?;
    Ok(match outcome {
        WatchOutcome::Complete => Exit::Done,
        WatchOutcome::Gaps => Exit::Failed,
        WatchOutcome::Interrupted => Exit::Interrupted,
    })
}

/// One reading, as JSON.
#[derive(Serialize)]
struct JsonReading<'a> {
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    no_gpu_because: &'a Option<String>,
    ggml_devices: Value,
}

/// One reading, printed.
fn once(
    format: Format,
    devices: &WatchedGpus,
    mut sampler: SnapshotSampler,
    printer: Printer,
) -> Result<Exit, Failure> {
    let snapshot = sampler.sample(devices, &Clock::start(), 0);
    let reading =
        JsonReading { snapshot: &snapshot, no_gpu_because: &devices.none_since, ggml_devices: ggml_devices() };
    show(&facts(format, &reading, || lines::full(&snapshot, devices.none_since.as_deref()))?, printer)?;
    Ok(Exit::Done)
}
