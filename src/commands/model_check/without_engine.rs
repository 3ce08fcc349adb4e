//! Without llama.cpp nothing can end the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::super::failure::Failure;
use crate::cli::ModelCheckArgs;
use crate::exit::Exit;
use crate::llm::ModelFiles;
use crate::term::Printer;

/// How far a model would be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code)] // Only what runs a model asks for weights.
pub(in super::super) enum TrialDepth {
    /// Its vocabulary and its tensors' table.
    Header,
    /// Its weights too.
    Weights,
}

/// Nothing is tried.
#[allow(clippy::unnecessary_wraps)] // As in the other build.
pub(in super::super) fn check_model_file(
    _: &ModelFiles,
    _: TrialDepth,
    _: Printer,
    _: &AtomicBool,
) -> Result<(), Failure> {
    Ok(())
}

/// Refuses: there is nothing to try a model with.
pub(in super::super) fn run(_: &ModelCheckArgs, _: Printer, _: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    Err(Failure::new(Exit::Lacking, anyhow::anyhow!("this build of workly-perf has no llama.cpp")))
}
