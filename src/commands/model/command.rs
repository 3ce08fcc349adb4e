//! Dispatches to the subcommand.

use std::sync::atomic::AtomicBool;

use super::{fetch, inspect, shapes, synth};
use crate::cli::{ModelArgs, ModelCommand};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::term::Printer;

pub(in super::super) fn run(args: &ModelArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    match &args.command {
        ModelCommand::Inspect(args) => inspect::run(args, printer, stop),
        ModelCommand::Synth(args) => synth::run(args, printer, stop),
        ModelCommand::Shapes(args) => shapes::run(args, printer),
        ModelCommand::Fetch(args) => fetch::run(args, printer, stop),
    }
}
