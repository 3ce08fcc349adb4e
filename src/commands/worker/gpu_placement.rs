//! `workly-perf gpu-placement`: the process of one placement.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::request::{answer, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::measure::PlacementTask;
use crate::studies::gpu_profiles::answer_placement;
use crate::term::Printer;

/// Reads the request, and prints a line for each phase and, last, the outcome.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let task: PlacementTask = request("placement", "gpu-profiles", stop)?;
    answer_placement(&task, |told| answer(told, printer), stop)?;
    Ok(Exit::Done)
}
