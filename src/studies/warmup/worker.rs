//! One start, inside the worker process.

use std::sync::atomic::AtomicBool;

use crate::failure::Failure;
use crate::llm::engine::{Backend, EngineError};
use crate::measure::{StartRequest, StartResponse, measure_start};

/// Runs one start in this process. `tell` is called with each phase as it begins, and finally with the outcome.
pub(crate) fn answer_start(
    request: &StartRequest,
    tell: impl Fn(&StartResponse),
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let backend = Backend::start()?;
    let outcome = match measure_start(backend, request, |phase| tell(&StartResponse::Phase(phase)), stop) {
        Ok(outcome) => outcome,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => StartResponse::Interrupted,
        Err(error) => StartResponse::Failed { reason: error.to_string() },
    };
    tell(&outcome);
    Ok(())
}
