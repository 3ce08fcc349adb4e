//! `workly-perf warmup`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::show_finished;
use crate::cli::WarmupArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, LogLevel};
use crate::plan::{WarmupPlan, app_profile};
use crate::studies::model_check::Use;
use crate::studies::setup::locate;
use crate::studies::warmup::WarmupStudy;
use crate::studies::{RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &WarmupArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let topology = host::topology();
    let plan = WarmupPlan::resolve(args, &topology, app_profile(args.config.as_deref()))?;
    let located = locate(args.model.as_ref(), args.config.as_deref(), Use::weights(plan.n_gpu_layers), &printer, stop)?;
    let backend = Backend::start()?;
    let study = WarmupStudy { plan, located, backend, topology };
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let finished = drive(&study, &mut (), &options)?;
    finished.recorder.log(backend, LogLevel::Warn);
    show_finished(&finished, args.format, printer)
}
