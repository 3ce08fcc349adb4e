//! Why settings cannot be applied.

use std::io;
use std::path::PathBuf;

use crate::llm::CacheError;

/// Why the program runs without the settings.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// This user has no folder for caches.
    #[error(transparent)]
    NoCache(#[from] CacheError),
    /// A file of the shim or for the shim cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The path of the shim cannot be an entry of `PYTHONPATH`.
    #[error("{} cannot be an entry of PYTHONPATH: it contains the character that separates entries", path.display())]
    Separator {
        /// The folder of the shim.
        path: PathBuf,
    },
}

impl LaunchError {
    /// The error for a file that could not be written.
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
