//! Without llama.cpp, model files cannot crash the program.

use std::sync::atomic::AtomicBool;

use crate::failure::Failure;
use crate::llm::ModelFiles;

/// How a command would use a model; here only its header is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use;

impl Use {
    /// Only reads the header.
    pub(crate) fn header(_n_gpu_layers: u32) -> Self {
        Self
    }
}

/// Nothing to try.
#[allow(clippy::unnecessary_wraps)] // As in the build with llama.cpp.
pub(crate) fn check_model_file(_: &ModelFiles, _: Use, _: &dyn super::Observer, _: &AtomicBool) -> Result<(), Failure> {
    Ok(())
}
