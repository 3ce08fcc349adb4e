//! One placement, or the projection of all, inside the worker process.

use std::sync::atomic::AtomicBool;

use super::projections::foreseeing;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, EngineError};
use crate::measure::{PlacementResponse, PlacementTask, foresee_placements, measure_placement};

/// Runs one task in this process. `tell` receives each phase as it begins, and finally the outcome.
pub(crate) fn answer_placement(
    task: &PlacementTask,
    tell: impl Fn(&PlacementResponse),
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let backend = Backend::start()?;
    let readers = (|| host::anonymous_bytes().value().copied(), || host::cpu_time_ns().value().copied());
    let begins = |phase| tell(&PlacementResponse::Phase(phase));
    let done = match task {
        PlacementTask::Measure(request) => measure_placement(backend, request, readers, begins, stop)
            .map(|outcome| PlacementResponse::Measured(Box::new(outcome))),
        PlacementTask::Foresee(request) => {
            foresee_placements(backend, request, foreseeing(stop)).map(PlacementResponse::Foreseen)
        }
    };
    let outcome = match done {
        Ok(answer) => answer,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => PlacementResponse::Interrupted,
        Err(error) => PlacementResponse::Failed { reason: error.to_string() },
    };
    tell(&outcome);
    Ok(())
}
