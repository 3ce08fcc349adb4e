//! Which of the two: a model of our own, or another process.

use std::sync::atomic::AtomicBool;

use super::{target, watched};
use crate::cli::MemoryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::term::Printer;

pub(in super::super) fn run(args: &MemoryArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    match target::find(args)? {
        Some(target) => watched::run(args, &target, printer, stop),
        None => own(args, printer, stop),
    }
}

#[cfg(feature = "llama")]
fn own(args: &MemoryArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    super::talked::run(args, printer, stop)
}

/// Refuses: without the engine there is nothing to talk to.
#[cfg(not(feature = "llama"))]
fn own(_: &MemoryArgs, _: Printer, _: &AtomicBool) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Lacking, anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
        .hint("build it with its default features (cargo build --release), or watch another process with --pid"))
}
