//! `workly-perf warmup-start`: the process of one start.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::request::{answer, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::engine::{Backend, EngineError};
use crate::measure::{StartAnswer, StartRequest, measure_start};
use crate::term::Printer;

/// Reads the request, measures, prints the answer as the last line.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let task: StartRequest = request("start", "warmup", stop)?;
    let backend = Backend::start()?;
    let begins = |phase| answer(&StartAnswer::Phase(phase), printer);
    let outcome = match measure_start(backend, &task, begins, stop) {
        Ok(outcome) => outcome,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => StartAnswer::Interrupted,
        Err(error) => StartAnswer::Failed { reason: error.to_string() },
    };
    answer(&outcome, printer);
    Ok(Exit::Done)
}
