//! Errors of records.

use std::path::{Path, PathBuf};

use super::schema::{SCHEMA, SchemaVersion};

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Neither a record folder nor a file of one.
    #[error("{} is not a record: it has no {}", path.display(), missing)]
    NotARecord {
        /// The given path.
        path: PathBuf,
        /// The file that makes a folder a record.
        missing: &'static str,
    },
    /// The operating system reported an error.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The action: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file exists but its content is invalid.
    #[error("{} is corrupt: {detail}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its position if known.
        detail: String,
    },
    /// Written by a later workly-perf; this build would misread it.
    #[error("{} has schema {found}, newer than this build's {SCHEMA}", path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: SchemaVersion,
    },
    /// There is a file in place of the folder for a new record.
    #[error("{} is a file, not a folder", path.display())]
    NotAFolder {
        /// The file.
        path: PathBuf,
    },
    /// The folder for a new record is not empty.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The record lacks files, or parts of them, that could not be written.
    #[error("the record is incomplete: {lacking} could not be written: {source}")]
    NotWhole {
        /// The files.
        lacking: String,
        /// The system's error for the first.
        source: Box<RecordError>,
    },
    /// The data to write is inconsistent; nothing was written.
    #[error("the record is inconsistent: {detail}")]
    Inconsistent {
        /// The inconsistency, with its case and metric.
        detail: String,
    },
}

impl RecordError {
    /// Converts the operating system's error of `action` on `path` into this error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The content of `path` is invalid.
    pub(super) fn corrupt(path: &Path, detail: impl Into<String>) -> Self {
        Self::Corrupt { path: path.to_owned(), detail: detail.into() }
    }
}
