//! Counts messages by the lines added to a log, also while the log is rotated: renamed and recreated, copied and
//! truncated, or deleted for a while.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

/// Bytes before the read position that are compared at each poll: if they differ, the file was overwritten.
const REMEMBERED: usize = 64;
/// Bytes read at a time.
const PIECE: usize = 64 << 10;

/// Why lines cannot be counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineCountError {
    /// The system reported an error.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// It is not a regular file.
    #[error("cannot count the lines of {}: it is {what}, not a regular file", path.display())]
    NotAFile {
        /// The given path.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
}

impl From<LineCountError> for Failure {
    fn from(error: LineCountError) -> Self {
        match error {
            LineCountError::Read { .. } => {
                Self::unreadable(error).hint("give a text file to which the process adds a line with each message")
            }
            LineCountError::NotAFile { .. } => {
                Self::usage(error).hint("write the output to a file (`… | tee messages.log`), and give that file")
            }
        }
    }
}

/// Counts the lines added to a log.
pub(crate) struct LineCounter {
    path: PathBuf,
    /// The current file of that name.
    current: LogReader,
    /// The previous file of that name, to which the writer may still append for a while.
    previous: Option<LogReader>,
    ended: u64,
    /// How often another file took the name.
    replaced: u64,
    /// How often the file was truncated or overwritten.
    truncated: u64,
    /// Whether no file had the name at the last poll.
    is_missing: bool,
}

impl LineCounter {
    /// Opens it. Existing lines do not count.
    ///
    /// # Errors
    /// [`LineCountError::NotAFile`] for a pipe, a device or a folder, which are not opened: opening a pipe would wait
    /// for its writer.
    pub(super) fn open(path: &Path) -> Result<Self, LineCountError> {
        let failed = |source| LineCountError::Read { path: path.into(), source };
        if let Some(what) = kind(&fs::metadata(path).map_err(failed)?) {
            return Err(LineCountError::NotAFile { path: path.into(), what });
        }
        let mut current = LogReader::open(path).map_err(failed)?;
        current.skip_to_end().map_err(failed)?;
        Ok(Self { path: path.into(), current, previous: None, ended: 0, replaced: 0, truncated: 0, is_missing: false })
    }

    /// Lines added since it was opened, in any file that had the name. `stop` ends a long read early.
    pub(super) fn count(&mut self, stop: &AtomicBool) -> Result<u64, LineCountError> {
        self.look(stop).map_err(|source| LineCountError::Read { path: self.path.clone(), source })?;
        Ok(self.ended)
    }

    fn look(&mut self, stop: &AtomicBool) -> io::Result<()> {
        if let Some(previous) = &mut self.previous {
            self.ended += previous.read_on(stop)?.lines;
        }
        let read = self.current.read_on(stop)?;
        self.ended += read.lines;
        self.truncated += u64::from(read.is_anew);
        let next = match fs::metadata(&self.path) {
            Ok(metadata) if kind(&metadata).is_none() => LogReader::open(&self.path),
            Ok(_) => Err(io::ErrorKind::NotFound.into()),
            Err(error) => Err(error),
        };
        // During rotation, there may briefly be no file of that name.
        let mut next = match next {
            Ok(next) => next,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.is_missing = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        self.is_missing = false;
        if next.identity == self.current.identity {
            return Ok(());
        }
        self.replaced += 1;
        self.ended += next.read_on(stop)?.lines;
        // Read once more, for lines written between the last read and the new file.
        self.ended += self.current.read_on(stop)?.lines;
        self.previous = Some(std::mem::replace(&mut self.current, next));
        Ok(())
    }

    /// Warnings about the count; empty if the log only grew.
    pub(super) fn warnings(&self) -> Vec<String> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let times = |n: u64| if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let mut warnings = Vec::new();
        if self.replaced > 0 {
            warnings.push(format!(
                "{name} was replaced {} (log rotation): counting continued in the new file.",
                times(self.replaced)
            ));
        }
        if self.truncated > 0 {
            warnings.push(format!(
                "{name} was truncated {}: lines removed between two samples are not counted.",
                times(self.truncated)
            ));
        }
        if self.is_missing {
            warnings.push(format!("{name} was missing at the end of the run: its last messages may not be counted."));
        }
        warnings
    }
}

/// Result of one poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PollResult {
    lines: u64,
    /// Whether the file was truncated or overwritten, and read from its start.
    is_anew: bool,
}

/// An open file and its read position.
struct LogReader {
    file: File,
    identity: Identity,
    at: u64,
    /// The last bytes read.
    remembered: Vec<u8>,
}

impl LogReader {
    fn open(path: &Path) -> io::Result<Self> {
        let file = without_waiting().open(path)?;
        let identity = identity(&file)?;
        Ok(Self { file, identity, at: 0, remembered: Vec::new() })
    }

    /// Skips to the end without counting.
    fn skip_to_end(&mut self) -> io::Result<()> {
        self.at = self.file.seek(SeekFrom::End(0))?;
        let known = self.at.min(REMEMBERED as u64);
        self.file.seek(SeekFrom::Start(self.at - known))?;
        self.remembered.clear();
        (&self.file).take(known).read_to_end(&mut self.remembered)?;
        Ok(())
    }

    /// Counts the lines that end between the read position and the current end of the file.
    fn read_on(&mut self, stop: &AtomicBool) -> io::Result<PollResult> {
        let until = self.file.metadata()?.len();
        let is_anew = until < self.at || !self.is_as_remembered()?;
        if is_anew {
            self.at = 0;
            self.remembered.clear();
        }
        self.file.seek(SeekFrom::Start(self.at))?;
        let (mut lines, mut piece) = (0, vec![0; PIECE]);
        while self.at < until && !stop.load(Ordering::Relaxed) {
            let most = usize::try_from(until - self.at).unwrap_or(PIECE).min(PIECE);
            let read = self.file.read(&mut piece[..most])?;
            if read == 0 {
                break;
            }
            lines += piece[..read].split(|byte| *byte == b'\n').skip(1).count() as u64;
            self.at += read as u64;
            self.remembered.extend_from_slice(&piece[..read]);
            self.remembered.drain(..self.remembered.len().saturating_sub(REMEMBERED));
        }
        Ok(PollResult { lines, is_anew })
    }

    /// Whether the bytes before the read position are unchanged.
    fn is_as_remembered(&mut self) -> io::Result<bool> {
        self.file.seek(SeekFrom::Start(self.at - self.remembered.len() as u64))?;
        let mut now = Vec::new();
        (&self.file).take(self.remembered.len() as u64).read_to_end(&mut now)?;
        Ok(now == self.remembered)
    }
}

/// Opens for reading. If it has become a pipe, this does not wait for a writer.
#[cfg(unix)]
fn without_waiting() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    options.read(true).custom_flags(nonblocking);
    options
}

/// Opens for reading; the file may still be renamed or deleted.
#[cfg(not(unix))]
fn without_waiting() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// Identity of a file, independent of its name.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(file: &File) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Identity of a file, independent of its name. The file stays open, so that its index is not reused.
#[cfg(not(unix))]
type Identity = same_file::Handle;

#[cfg(not(unix))]
fn identity(file: &File) -> io::Result<Identity> {
    same_file::Handle::from_file(file.try_clone()?)
}

/// What it is, unless it is a regular file.
fn kind(metadata: &Metadata) -> Option<&'static str> {
    if metadata.is_file() {
        return None;
    }
    if metadata.is_dir() {
        return Some("a folder");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return Some("a pipe");
        }
        if kind.is_char_device() || kind.is_block_device() {
            return Some("a device");
        }
        if kind.is_socket() {
            return Some("a socket");
        }
    }
    Some("something else")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    static GOES_ON: AtomicBool = AtomicBool::new(false);

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// A log with one existing line, and its counter.
    fn log() -> (tempfile::TempDir, PathBuf, LineCounter) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        append(&path, "of before\n");
        let lines = LineCounter::open(&path).unwrap();
        (folder, path, lines)
    }

    #[test]
    fn only_added_complete_lines_count() {
        let (_folder, path, mut lines) = log();
        assert_eq!(lines.count(&GOES_ON).unwrap(), 0);
        append(&path, "one\ntwo\nthr");
        assert_eq!(lines.count(&GOES_ON).unwrap(), 2);
        append(&path, "ee\n");
        assert_eq!(lines.count(&GOES_ON).unwrap(), 3);
        assert!(lines.warnings().is_empty());
    }

    #[test]
    fn counting_continues_after_rename_and_recreate() {
        let (_folder, path, mut lines) = log();
        append(&path, "one\n");
        assert_eq!(lines.count(&GOES_ON).unwrap(), 1);
        let old = path.with_extension("1");
        append(&path, "two\n");
        fs::rename(&path, &old).unwrap();
        assert_eq!(lines.count(&GOES_ON).unwrap(), 2, "the old file is read to its end while no file has the name");
        assert!(lines.warnings()[0].contains("missing"));
        append(&path, "three\nfour\n");
        assert_eq!(lines.count(&GOES_ON).unwrap(), 4);
        append(&old, "late, to the old file\n");
        append(&path, "six\n");
        assert_eq!(lines.count(&GOES_ON).unwrap(), 6);
        assert_eq!(lines.warnings(), ["app.log was replaced once (log rotation): counting continued in the new file."]);
    }

    #[test]
    fn counting_continues_after_replacement() {
        let (folder, path, mut lines) = log();
        let new = folder.path().join("new");
        append(&new, "one\ntwo\n");
        fs::rename(&new, &path).unwrap();
        assert_eq!(lines.count(&GOES_ON).unwrap(), 2);
    }

    #[test]
    fn counting_continues_after_truncation() {
        let (_folder, path, mut lines) = log();
        append(&path, "one\ntwo\n");
        assert_eq!(lines.count(&GOES_ON).unwrap(), 2);
        fs::write(&path, "3\n").unwrap();
        assert_eq!(lines.count(&GOES_ON).unwrap(), 3);
        // Longer than before, but with other content.
        fs::write(&path, "four\nfive\nsix\nseven\neight\n").unwrap();
        assert_eq!(lines.count(&GOES_ON).unwrap(), 8);
        assert!(lines.warnings()[0].contains("truncated 2 times"), "{:?}", lines.warnings());
    }

    #[cfg(unix)]
    #[test]
    fn pipes_devices_and_folders_are_rejected_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, what) in
            [(pipe.as_path(), "a pipe"), (Path::new("/dev/null"), "a device"), (folder.path(), "a folder")]
        {
            let refused = LineCounter::open(path).err().unwrap().to_string();
            assert!(refused.contains(what) && refused.contains("not a regular file"), "{refused}");
        }
    }
}
