//! What can be wrong with a record.

use std::path::{Path, PathBuf};

use super::schema::{SCHEMA, SchemaVersion};

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Neither a record folder nor a file of one.
    #[error("{} is not a record: it has no {}", path.display(), missing)]
    NotARecord {
        /// What was given.
        path: PathBuf,
        /// The file that makes a folder a record.
        missing: &'static str,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// Its answer.
        source: std::io::Error,
    },
    /// The file is there and does not hold what it should.
    #[error("{} is corrupt: {detail}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place where it is known.
        detail: String,
    },
    /// Written by a later workly-perf whose records this build would misread.
    #[error("{} has schema {found}, newer than this build's {SCHEMA}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: SchemaVersion,
    },
    /// A file stands where the folder for a new record should be.
    #[error("{} is a file, not a folder", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// The folder for a new record already holds something.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The record lacks files, or parts of them, that could not be written.
    #[error("the record is not whole: {lacking} could not be written: {source}")]
    NotWhole {
        /// The files.
        lacking: String,
        /// What the system said of the first.
        source: Box<RecordError>,
    },
    /// What was to be written contradicts itself; nothing was written.
    #[error("the record contradicts itself: {detail}")]
    Inconsistent {
        /// The contradiction, with its case and metric.
        detail: String,
    },
}

impl RecordError {
    /// Turns the operating system's answer to `action` on `path` into this error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// `path` does not hold what it should.
    pub(super) fn corrupt(path: &Path, detail: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), detail: detail.into() }
    }
}
