//! Without llama.cpp nothing can end the process.

use std::sync::atomic::AtomicBool;

use crate::failure::Failure;
use crate::llm::ModelFiles;

/// How far a model would be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code)] // Only what runs a model asks for weights.
pub(crate) enum TrialDepth {
    /// Its vocabulary and its tensors' table.
    Header,
    /// Its weights too.
    Weights,
}

/// Nothing is tried.
#[allow(clippy::unnecessary_wraps)] // As in the other build.
pub(crate) fn check_model_file(
    _: &ModelFiles,
    _: TrialDepth,
    _: &dyn super::Observer,
    _: &AtomicBool,
) -> Result<(), Failure> {
    Ok(())
}
