//! Errors of synthetic models.

use std::io;
use std::path::PathBuf;

use super::shape::ModelShape;

/// Why a shape cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// No built-in shape has this name.
    #[error("shape `{name}` is not known: shapes are {}", ModelShape::names().join(", "))]
    Unknown {
        /// The requested name.
        name: String,
    },
    /// The text is not a shape.
    #[error("a shape file cannot be read: {source}")]
    Syntax {
        /// Where and why.
        #[from]
        source: toml::de::Error,
    },
    /// The shape is impossible.
    #[error("shape `{shape}`: {fault}")]
    Inconsistent {
        /// The shape's name.
        shape: String,
        /// The inconsistency.
        fault: String,
    },
}

/// Why a synthetic model was not written.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The file already exists.
    #[error("{} already exists", path.display())]
    Exists {
        /// Its path.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error("{} is a folder", path.display())]
    IsAFolder {
        /// The path.
        path: PathBuf,
    },
    /// There is not enough disk space.
    #[error(
        "not enough disk space for {}: it needs {needed_bytes} bytes ({:.2} GB), and {free_bytes} ({:.2} GB) are free",
        path.display(),
        *needed_bytes as f64 / 1e9,
        *free_bytes as f64 / 1e9
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Bytes required.
        needed_bytes: u64,
        /// Bytes free.
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
    /// Ctrl-C. Nothing is left behind.
    #[error("interrupted: the file was not written")]
    Interrupted,
}
