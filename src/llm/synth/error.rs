//! Why there is no synthetic model.

use std::io;
use std::path::PathBuf;

use super::shape::Shape;

/// Why a shape cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShapeError {
    /// No built-in shape has this name.
    #[error("shape `{name}` is not known: shapes are {}", Shape::names().join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The text is not a shape.
    #[error("a shape file cannot be read: {source}")]
    Syntax {
        /// Where and why.
        #[from]
        source: toml::de::Error,
    },
    /// The text is a shape that no model can have.
    #[error("shape `{shape}`: {fault}")]
    Inconsistent {
        /// The shape's name.
        shape: String,
        /// What contradicts what.
        fault: String,
    },
}

/// Why a synthetic model was not written.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// Something has that name already.
    #[error("{} already exists", path.display())]
    Exists {
        /// Its place.
        path: PathBuf,
    },
    /// A folder was named, not a file.
    #[error("{} is a folder", path.display())]
    IsAFolder {
        /// Its place.
        path: PathBuf,
    },
    /// The file would not fit.
    #[error(
        "not enough disk space for {}: it needs {needed_bytes} bytes ({:.2} GB), and {free_bytes} ({:.2} GB) are free",
        path.display(),
        *needed_bytes as f64 / 1e9,
        *free_bytes as f64 / 1e9
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Bytes that it takes.
        needed_bytes: u64,
        /// Bytes that are free where it should go.
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
    /// Ctrl-C. Nothing was left behind.
    #[error("interrupted: the file was not written")]
    Interrupted,
}
