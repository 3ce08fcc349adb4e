//! The complete check of a file.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::{ModelFault, figures, vocabulary};
use crate::llm::gguf::Gguf;

/// Checks the vocabulary and the hyperparameters of the model with the first file `path` and this `header`.
///
/// # Errors
/// The first fault found.
pub fn check_soundness(path: &Path, header: &Gguf) -> Result<(), ModelFault> {
    check(File::open(path).map_err(|source| ModelFault::Io { source })?, header)
}

/// Like [`check_soundness`], for the bytes from which the header was read.
pub(in crate::llm) fn check(source: impl Read + Seek, header: &Gguf) -> Result<(), ModelFault> {
    figures::check(header)?;
    vocabulary::check(source, header)
}
