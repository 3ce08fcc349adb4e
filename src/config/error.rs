//! Errors of Workly's configuration. In every case the file is unchanged.

use std::io;
use std::path::{Path, PathBuf};

use crate::plural::counted;
use crate::replacing::is_held_open;

/// Why the configuration could not be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The operating system reported an error.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// The given path.
        path: PathBuf,
    },
    /// Longer than any configuration.
    #[error("{} has {bytes} bytes; the limit for a configuration is {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The size limit.
        limit: u64,
    },
    /// An encoding other than UTF-8.
    #[error("{} {found}; the application reads only UTF-8", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The encoding, with its verb.
        found: String,
    },
    /// It starts with the mark that some editors put before UTF-8.
    #[error("{} begins with a UTF-8 byte order mark", path.display())]
    ByteOrderMark {
        /// The file.
        path: PathBuf,
    },
    /// Not JSON, or not an object.
    #[error("{} is not a JSON object: {detail}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// The parser's message, with line and column.
        detail: String,
    },
    /// Something that the application accepts although it is not valid JSON, or too deep nesting.
    #[error("{} has {found} on line {line}; workly-perf does not change such files", path.display())]
    Lenient {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// Its line.
        line: usize,
    },
    /// A duplicate key in one section: Workly would use the second, and drop the first when it saves.
    #[error("{}: the key {key:?} on line {line} is a duplicate", path.display())]
    DuplicateKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The line of the second one.
        line: usize,
    },
    /// A value that Workly itself could not use.
    #[error("{}: {key} is {found}, not {expected}", path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The key, with its sections.
        key: String,
        /// What Workly expects there.
        expected: &'static str,
        /// The actual value.
        found: String,
    },
    /// A value that only later versions of Workly support: this one would refuse its complete AI configuration.
    #[error("{}: it does not show that this version of Workly supports the GPU profile {value:?}", path.display())]
    NotKnownToApp {
        /// The file.
        path: PathBuf,
        /// The value.
        value: &'static str,
    },
    /// The file may not be written.
    #[error("{} is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another workly-perf is changing it.
    #[error("another workly-perf is changing {} at the moment", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Windows does not allow its replacement, usually because another program has it open.
    #[error("{} cannot be replaced: Windows refuses access to it, as it does while another program has it open", path.display())]
    HeldOpen {
        /// The file.
        path: PathBuf,
    },
    /// Another program has written it since it was read.
    #[error("another program has changed {} since it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file is a mount point, so it cannot be replaced.
    #[error("{} is a mount point, as in containers: it cannot be replaced", path.display())]
    Mounted {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full, or a quota is used up.
    #[error("there is no space for {}: {source}", path.display())]
    NoRoom {
        /// The file that did not fit.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Something else went wrong while writing.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// No version of that number was kept.
    #[error("{} has {}; number {number} does not exist", path.display(), counted(*kept, "kept version"))]
    NoSuchVersion {
        /// The file.
        path: PathBuf,
        /// The requested number.
        number: usize,
        /// How many there are.
        kept: usize,
    },
}

impl ConfigError {
    /// For `map_err` while reading.
    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read { path: path.to_owned(), source }
    }

    /// For `map_err` when a finished file replaces `path`. Only a mount point makes a file busy there.
    pub(super) fn replace(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            _ if is_held_open(&source) => Self::HeldOpen { path: path.to_owned() },
            io::ErrorKind::ResourceBusy => Self::Mounted { path: path.to_owned() },
            _ => Self::write(path)(source),
        }
    }

    /// Whether the application refuses a file because of its content: silently, running on its defaults.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        use ConfigError::{ByteOrderMark, NotJson, NotUtf8, WrongType};
        matches!(self, ByteOrderMark { .. } | NotJson { .. } | NotUtf8 { .. } | WrongType { .. })
    }

    /// For `map_err` while writing. A full disk has a variant of its own.
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        move |source| match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::NoRoom { path: path.to_owned(), source },
            ReadOnlyFilesystem => Self::ReadOnly { path: path.to_owned() },
            _ => Self::Write { path: path.to_owned(), source },
        }
    }
}
