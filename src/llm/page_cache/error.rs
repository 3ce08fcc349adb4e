//! Why the page cache could not be asked or emptied.

use std::path::PathBuf;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum PageCacheError {
    /// This system has no way to do it that can be checked.
    #[error("{system} has no call that drops a single file from the page cache and reports what is left of it")]
    Unsupported {
        /// The system.
        system: &'static str,
    },
    /// A call failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

impl PageCacheError {
    pub(super) fn io(what: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { what, path: path.into(), source }
    }
}
