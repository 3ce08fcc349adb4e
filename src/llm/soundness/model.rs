//! The whole of it, for a file.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::{ModelFault, figures, vocabulary};
use crate::llm::gguf::Gguf;

/// Checks the vocabulary and the figures of the model whose first file is `path` and whose header is `header`.
///
/// # Errors
/// The first fault that was found.
pub fn check_soundness(path: &Path, header: &Gguf) -> Result<(), ModelFault> {
    check(File::open(path).map_err(|source| ModelFault::Io { source })?, header)
}

/// The same of the bytes that the header was read from.
pub(in crate::llm) fn check(source: impl Read + Seek, header: &Gguf) -> Result<(), ModelFault> {
    figures::check(header)?;
    vocabulary::check(source, header)
}
