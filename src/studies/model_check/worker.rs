//! The test of a model, in the process that may end because of it.

use std::sync::atomic::AtomicBool;

use super::question::{ModelCheckRequest, ModelCheckResponse, TrialDepth};
use crate::failure::Failure;
use crate::llm::engine::{Backend, EngineError, try_header, try_weights};

/// Tests the model in this process. `tell` gets each step as it begins, and the result last.
pub(crate) fn answer_model_check(
    request: &ModelCheckRequest,
    tell: impl Fn(&ModelCheckResponse),
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let backend = Backend::start()?;
    let mut begins = |step| tell(&ModelCheckResponse::Step(step));
    let layers = request.wanted.n_gpu_layers;
    let tried = try_header(backend, &request.path, layers, &mut begins).and_then(|()| match request.wanted.depth {
        TrialDepth::Header => Ok(()),
        TrialDepth::Weights => try_weights(backend, &request.path, layers, &mut begins, stop),
    });
    tell(&match tried {
        Ok(()) => ModelCheckResponse::Good,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => ModelCheckResponse::Interrupted,
        // On a GPU, the device may lack memory.
        Err(EngineError::Load { .. }) if layers > 0 => ModelCheckResponse::Undecided,
        Err(
            error @ (EngineError::Load { .. } | EngineError::NoVocabulary { .. } | EngineError::NotGenerative { .. }),
        ) => ModelCheckResponse::Refused { reason: error.to_string() },
        Err(_) => ModelCheckResponse::Undecided,
    });
    Ok(())
}
