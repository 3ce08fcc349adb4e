//! What is wrong with a model file. Names from inside of the file are quoted with control characters escaped.

use std::io;
use std::path::PathBuf;

/// Why a model file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GgufError {
    /// The operating system refused.
    #[error("cannot read {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// What is in it.
    #[error("{}: {fault}", path.display())]
    Fault {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        fault: GgufFault,
    },
}

/// What is wrong with the bytes of a model file. Offsets are bytes from its start.
#[derive(Debug, thiserror::Error)]
pub enum GgufFault {
    /// Reading stopped working.
    #[error("cannot read on at byte {offset}: {source}")]
    Io {
        /// Where.
        offset: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// It does not begin as a GGUF file does.
    #[error("not a GGUF file: it begins with {found} instead of \"GGUF\"")]
    Magic {
        /// Its first four bytes, quoted.
        found: String,
    },
    /// The file is for machines of the other byte order.
    #[error("a big-endian GGUF file (version {version}): only little-endian files can be used here")]
    BigEndian {
        /// Its version, read in its own byte order.
        version: u32,
    },
    /// A version of the format that this build does not read.
    #[error("GGUF version {version} is not supported (2 and 3 are)")]
    Version {
        /// The version.
        version: u32,
    },
    /// The file ends inside of something.
    #[error("truncated: {what} at byte {offset} needs {needed} more bytes, but the file has {left}")]
    Truncated {
        /// Where the thing begins.
        offset: u64,
        /// The thing.
        what: String,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that there are.
        left: u64,
    },
    /// Far more of something than any model has.
    #[error("{what} at byte {offset} is {value}, above the limit of {limit}")]
    Limit {
        /// Where.
        offset: u64,
        /// The thing.
        what: String,
        /// What the file says.
        value: u64,
        /// The most that is accepted.
        limit: u64,
    },
    /// A value that means nothing there.
    #[error("{what} at byte {offset} is {value}: {wants}")]
    Invalid {
        /// Where.
        offset: u64,
        /// The thing.
        what: String,
        /// What the file says.
        value: String,
        /// What could be there.
        wants: &'static str,
    },
    /// Two things have one name.
    #[error("{what} {name} at byte {offset} is a duplicate")]
    Duplicate {
        /// Where the second one is.
        offset: u64,
        /// What kind of thing.
        what: &'static str,
        /// The name, quoted.
        name: String,
    },
    /// The weights are not all there.
    #[error("truncated: tensor {tensor} is at bytes {begin} to {end}, but the file has {file_bytes}")]
    BeyondFile {
        /// The tensor, quoted.
        tensor: String,
        /// Its first byte.
        begin: u64,
        /// The byte after its last.
        end: u64,
        /// Length of the file.
        file_bytes: u64,
    },
    /// Two tensors claim the same bytes.
    #[error("tensors {first} and {second} overlap at byte {offset}")]
    Overlap {
        /// The tensor that begins first, quoted.
        first: String,
        /// The other, quoted.
        second: String,
        /// Where the other begins.
        offset: u64,
    },
}
