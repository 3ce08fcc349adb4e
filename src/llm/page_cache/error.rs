//! Errors of querying or emptying the page cache.

use std::path::PathBuf;

/// The error.
#[derive(Debug, thiserror::Error)]
pub enum PageCacheError {
    /// This system has no verifiable way to do it.
    #[error("{system} has no call that drops a single file from the page cache and reports what is left of it")]
    Unsupported {
        /// Name of the system.
        system: &'static str,
    },
    /// A call failed.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// The attempted action.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
}

impl PageCacheError {
    pub(super) fn io(what: &'static str, path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { what, path: path.into(), source }
    }
}
