//! What `warmup` answers in a build without the engine.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::failure::Failure;
use crate::cli::{WarmupArgs, WarmupStartArgs};
use crate::exit::Exit;
use crate::term::Printer;

/// Refuses: there is nothing to warm.
pub(in super::super) fn run(_: &WarmupArgs, _: Printer, _: &AtomicBool) -> Result<Exit, Failure> {
    Err(refusal())
}

/// Refuses likewise.
pub(in super::super) fn run_start(_: &WarmupStartArgs, _: Printer, _: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    Err(refusal())
}

fn refusal() -> Failure {
    Failure::new(Exit::Lacking, anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
        .hint("build it with its default features: cargo build --release")
}
