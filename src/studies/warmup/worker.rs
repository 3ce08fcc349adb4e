//! One start, from the side of the process that it takes place in.

use std::sync::atomic::AtomicBool;

use crate::failure::Failure;
use crate::llm::engine::{Backend, EngineError};
use crate::measure::{StartAnswer, StartRequest, measure_start};

/// Carries out one start in this process. `tell` is handed each phase as it begins, and the outcome last.
pub(crate) fn answer_start(
    request: &StartRequest,
    tell: impl Fn(&StartAnswer),
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let backend = Backend::start()?;
    let outcome = match measure_start(backend, request, |phase| tell(&StartAnswer::Phase(phase)), stop) {
        Ok(outcome) => outcome,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => StartAnswer::Interrupted,
        Err(error) => StartAnswer::Failed { reason: error.to_string() },
    };
    tell(&outcome);
    Ok(())
}
