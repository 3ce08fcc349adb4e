//! `workly-perf tap`.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::report::show_finished;
use crate::cli::TapArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::TapPlan;
use crate::studies::tap::{TapListener, TapStudy};
use crate::studies::{RunOptions, drive};
use crate::term::Printer;

pub(super) fn run(args: &TapArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let plan = TapPlan::resolve(args)?;
    let mut listener = TapListener::open(&plan)?;
    let study = TapStudy { plan, to: args.to.to_string() };
    let options = RunOptions { out: args.out.as_deref(), observer: Rc::new(printer), stop };
    let finished = drive(&study, &mut listener, &options)?;
    show_finished(&finished, args.format, printer)
}
