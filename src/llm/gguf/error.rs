//! Faults of a model file. Names from the file are quoted with control characters escaped.

use std::io;
use std::path::PathBuf;

/// Why a model file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The operating system reported an error.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its error.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The given path.
        path: PathBuf,
    },
    /// Its content is invalid.
    #[error("{}: {fault}", path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// The fault.
        #[source]
        fault: GgufFault,
    },
}

/// A fault in a model file. Offsets are bytes from its start.
#[derive(Debug, thiserror::Error)]
pub enum GgufFault {
    /// Reading failed.
    #[error("cannot read on at byte {offset}: {source}")]
    Io {
        /// Position.
        offset: u64,
        /// The system's error.
        source: io::Error,
    },
    /// It does not start like a GGUF file.
    #[error("not a GGUF file: it begins with {found} instead of \"GGUF\"")]
    Magic {
        /// Its first four bytes, quoted.
        found: String,
    },
    /// The file has the other byte order.
    #[error("a big-endian GGUF file (version {version}): only little-endian files can be used here")]
    BigEndian {
        /// Its version, in its own byte order.
        version: u32,
    },
    /// An unsupported version of the format.
    #[error("GGUF version {version} is not supported (2 and 3 are)")]
    Version {
        /// The version.
        version: u32,
    },
    /// The file ends within something.
    #[error("truncated: {what} at byte {offset} needs {needed} more bytes, but the file has {left}")]
    Truncated {
        /// Start of that part.
        offset: u64,
        /// Name of that part.
        what: String,
        /// Bytes required.
        needed: u64,
        /// Bytes available.
        left: u64,
    },
    /// Far more of something than any model has.
    #[error("{what} at byte {offset} is {value}, above the limit of {limit}")]
    Limit {
        /// Position.
        offset: u64,
        /// Name of that part.
        what: String,
        /// Value in the file.
        value: u64,
        /// Accepted maximum.
        limit: u64,
    },
    /// An invalid value.
    #[error("{what} at byte {offset} is {value}: {wants}")]
    Invalid {
        /// Position.
        offset: u64,
        /// Name of that part.
        what: String,
        /// Value in the file.
        value: String,
        /// Accepted values.
        wants: &'static str,
    },
    /// A duplicate name.
    #[error("{what} {name} at byte {offset} is a duplicate")]
    Duplicate {
        /// Position of the second.
        offset: u64,
        /// Kind of thing.
        what: &'static str,
        /// The name, quoted.
        name: String,
    },
    /// Weights are missing.
    #[error("truncated: tensor {tensor} is at bytes {begin} to {end}, but the file has {file_bytes}")]
    BeyondFile {
        /// The tensor, quoted.
        tensor: String,
        /// Position of its first byte.
        begin: u64,
        /// Position after its last byte.
        end: u64,
        /// Length of the file.
        file_bytes: u64,
    },
    /// Two tensors overlap.
    #[error("tensors {first} and {second} overlap at byte {offset}")]
    Overlap {
        /// The tensor that starts first, quoted.
        first: String,
        /// The other, quoted.
        second: String,
        /// Start of the other.
        offset: u64,
    },
}
