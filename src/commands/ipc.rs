//! `workly-perf ipc`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::show_finished;
use crate::cli::IpcArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{IpcPlan, IpcStudy};
use crate::studies::ipc::{BridgeMeasurement, BridgeStudy};
use crate::studies::setup::BridgeSession;
use crate::studies::{FinishedRun, RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &IpcArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let mut plan = IpcPlan::resolve(args, rand::random())?;
    let mut connection = BridgeSession::open(&plan.bridge, stop)?;
    if let Some(found) = connection.found.clone() {
        plan.adopt(found, args)?;
    }
    plan.check()?;
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let finished = match &plan.study {
        IpcStudy::RoundTrips(study) => measured(&plan, study, &mut connection, &options),
        IpcStudy::MaxRate(study) => measured(&plan, study, &mut connection, &options),
        IpcStudy::Replay(study) => measured(&plan, study, &mut connection, &options),
        IpcStudy::Breakdown(study) => measured(&plan, study, &mut connection, &options),
        IpcStudy::Variants(study) => measured(&plan, study, &mut connection, &options),
    }?;
    show_finished(&finished, args.format, printer)
}

fn measured<M: BridgeMeasurement>(
    plan: &IpcPlan,
    measurement: &M,
    connection: &mut BridgeSession,
    options: &RunOptions<'_>,
) -> Result<FinishedRun, Failure> {
    drive(&BridgeStudy { plan, measurement }, connection, options)
}
