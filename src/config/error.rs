//! What can go wrong with Workly's configuration. Whatever it is, the file is as it was.

use std::io;
use std::path::{Path, PathBuf};

use crate::plural::counted;
use crate::replacing::is_held_open;

/// Why the configuration could not be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The operating system refused.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// A folder, a device, a pipe.
    #[error("{} is not a file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// Longer than any configuration.
    #[error("{} has {bytes} bytes: no configuration is longer than {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length.
        bytes: u64,
        /// The longest that is read.
        limit: u64,
    },
    /// Another encoding than UTF-8.
    #[error("{} {found}; the application reads UTF-8 alone", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// What it is, with its verb.
        found: String,
    },
    /// It begins with the mark that some editors put before UTF-8.
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
        /// The parser's words, with line and column.
        detail: String,
    },
    /// Something that the application reads, and that is no JSON or nested deeper than any configuration.
    #[error("{} has {found} on line {line}; workly-perf changes no such file", path.display())]
    Lenient {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// Its line.
        line: usize,
    },
    /// A key occurs twice in one section: Workly would take the second and drop the first when it saves.
    #[error("{}: the key {key:?} on line {line} is there twice", path.display())]
    DuplicateKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The line of the second one.
        line: usize,
    },
    /// A key holds something that Workly itself could not use.
    #[error("{}: {key} is {found}, not {expected}", path.display())]
    WrongType {
        /// The file.
        path: PathBuf,
        /// The key, with its sections.
        key: String,
        /// What Workly wants there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A value that only later versions of Workly know: this one would refuse its whole AI configuration.
    #[error("{}: nothing in it shows that this version of Workly knows the GPU profile {value:?}", path.display())]
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
    #[error("another workly-perf is changing {} at this moment; it wins", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Windows lets no other file take its name, as a rule because another program has it open.
    #[error("{} cannot be replaced: Windows refuses access to it, as it does while another program has it open", path.display())]
    HeldOpen {
        /// The file.
        path: PathBuf,
    },
    /// Somebody wrote it since it was read.
    #[error("{} was changed by another program since it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file is a mount of its own, so that no other file can take its name.
    #[error("{} is a mount point of its own, as containers have for single files: it cannot be replaced as a whole", path.display())]
    Mounted {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full, or a quota is used up.
    #[error("there is no room for {}: {source}", path.display())]
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
    #[error("{} has {}: there is no number {number}", path.display(), counted(*kept, "kept version"))]
    NoSuchVersion {
        /// The file.
        path: PathBuf,
        /// What was asked for.
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

    /// For `map_err` where a finished file takes the place of `path`. Only a mount keeps a file busy there.
    pub(super) fn replace(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            _ if is_held_open(&source) => Self::HeldOpen { path: path.to_owned() },
            io::ErrorKind::ResourceBusy => Self::Mounted { path: path.to_owned() },
            _ => Self::write(path)(source),
        }
    }

    /// Whether the application refuses a file for what is in it: silently, running on its defaults.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        use ConfigError::{ByteOrderMark, NotJson, NotUtf8, WrongType};
        matches!(self, ByteOrderMark { .. } | NotJson { .. } | NotUtf8 { .. } | WrongType { .. })
    }

    /// For `map_err` while writing. A full disk has a name of its own.
    pub(super) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        move |source| match source.kind() {
            StorageFull | QuotaExceeded | FileTooLarge => Self::NoRoom { path: path.to_owned(), source },
            ReadOnlyFilesystem => Self::ReadOnly { path: path.to_owned() },
            _ => Self::Write { path: path.to_owned(), source },
        }
    }
}
