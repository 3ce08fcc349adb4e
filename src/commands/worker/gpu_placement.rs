//! `workly-perf gpu-placement`: the process of one placement.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::gpu_profiles::foreseeing;
use super::request::{answer, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, EngineError};
use crate::measure::{PlacementAnswer, PlacementTask, foresee_placements, measure_placement};
use crate::term::Printer;

/// Reads the request, measures, prints the answer as the last line.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let task: PlacementTask = request("placement", "gpu-profiles", stop)?;
    let backend = Backend::start()?;
    let tell = |told: &PlacementAnswer| answer(told, printer);
    let readers = (|| host::anonymous_bytes().value().copied(), || host::cpu_time_ns().value().copied());
    let begins = |phase| tell(&PlacementAnswer::Phase(phase));
    let done = match &task {
        PlacementTask::Measure(request) => measure_placement(backend, request, readers, begins, stop)
            .map(|outcome| PlacementAnswer::Measured(Box::new(outcome))),
        PlacementTask::Foresee(request) => {
            foresee_placements(backend, request, foreseeing(stop)).map(PlacementAnswer::Foreseen)
        }
    };
    let outcome = match done {
        Ok(answer) => answer,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => PlacementAnswer::Interrupted,
        Err(error) => PlacementAnswer::Failed { reason: error.to_string() },
    };
    tell(&outcome);
    Ok(Exit::Done)
}
