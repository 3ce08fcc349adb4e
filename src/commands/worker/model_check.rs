//! `workly-perf model-check`: the process that tests a model.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::request::{answer, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::engine::{Backend, EngineError, try_header, try_weights};
use crate::studies::model_check::{ModelCheckAnswer, ModelCheckRequest, TrialDepth};
use crate::term::Printer;

/// Reads the request, tests the model, prints the result as the last line.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let task: ModelCheckRequest = request("model check", "any command that runs a model", stop)?;
    let backend = Backend::start()?;
    let mut begins = |step| answer(&ModelCheckAnswer::Step(step), printer);
    let layers = task.wanted.n_gpu_layers;
    let tried = try_header(backend, &task.path, layers, &mut begins).and_then(|()| match task.wanted.depth {
        TrialDepth::Header => Ok(()),
        TrialDepth::Weights => try_weights(backend, &task.path, layers, &mut begins, stop),
    });
    answer(
        &match tried {
            Ok(()) => ModelCheckAnswer::Good,
            Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => ModelCheckAnswer::Interrupted,
            // On a GPU it may be the device that lacks memory.
            Err(EngineError::Load { .. }) if layers > 0 => ModelCheckAnswer::Undecided,
            Err(
                error @ (EngineError::Load { .. }
                | EngineError::NoVocabulary { .. }
                | EngineError::NotGenerative { .. }),
            ) => ModelCheckAnswer::Refused { reason: error.to_string() },
            Err(_) => ModelCheckAnswer::Undecided,
        },
        printer,
    );
    Ok(Exit::Done)
}
