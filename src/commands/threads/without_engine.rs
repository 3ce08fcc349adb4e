//! What `threads` answers in a build without the engine.

use std::sync::atomic::AtomicBool;

use super::super::failure::Failure;
use crate::cli::ThreadsArgs;
use crate::exit::Exit;
use crate::term::Printer;

/// Refuses: there is nothing to measure with.
pub(in super::super) fn run(_: &ThreadsArgs, _: Printer, _: &AtomicBool) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Lacking, anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
        .hint("build it with its default features: cargo build --release"))
}
