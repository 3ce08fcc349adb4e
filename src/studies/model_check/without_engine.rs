//! Without llama.cpp nothing can end the process.

use std::sync::atomic::AtomicBool;

use crate::failure::Failure;
use crate::llm::ModelFiles;

/// What a command would do with a model: here nothing but read its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Use;

impl Use {
    /// It reads the header alone.
    pub(crate) fn header(_n_gpu_layers: u32) -> Self {
        Self
    }
}

/// Nothing is tried.
#[allow(clippy::unnecessary_wraps)] // As in the other build.
pub(crate) fn check_model_file(_: &ModelFiles, _: Use, _: &dyn super::Observer, _: &AtomicBool) -> Result<(), Failure> {
    Ok(())
}
