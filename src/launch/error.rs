//! Why settings cannot be put into force.

use std::io;
use std::path::PathBuf;

use crate::llm::CacheError;

/// Why the program runs without the settings.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// This user has no folder for caches.
    #[error(transparent)]
    NoCache(#[from] CacheError),
    /// A file of the shim, or one that it is handed, cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The path of the shim cannot be an entry of `PYTHONPATH`.
    #[error("{} cannot be an entry of PYTHONPATH: it holds the character that separates entries", path.display())]
    Separator {
        /// Where the shim lies.
        path: PathBuf,
    },
}

impl LaunchError {
    /// The same for a file that could not be written.
    pub(super) fn write(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
