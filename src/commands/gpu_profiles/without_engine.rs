//! What `gpu-profiles` answers in a build without the engine.

use std::sync::atomic::AtomicBool;

use super::super::failure::Failure;
use crate::cli::{GpuPlacementArgs, GpuProfilesArgs};
use crate::exit::Exit;
use crate::term::Printer;

/// Refuses: there is nothing to place.
pub(in super::super) fn run(_: &GpuProfilesArgs, _: Printer, _: &AtomicBool) -> Result<Exit, Failure> {
    Err(refusal())
}

/// Refuses likewise.
pub(in super::super) fn run_placement(
    _: &GpuPlacementArgs,
    _: Printer,
    _: &std::sync::Arc<AtomicBool>,
) -> Result<Exit, Failure> {
    Err(refusal())
}

fn refusal() -> Failure {
    Failure::new(Exit::Lacking, anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
        .hint("build it with its default features: cargo build --release")
}
