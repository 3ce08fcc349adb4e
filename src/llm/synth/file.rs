//! Writes a synthetic model as a file that is complete or absent.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::SynthError;
use super::model::SyntheticModel;
use crate::replacing::persist;

/// Name suffix of a file being written.
pub(in crate::llm) const PART_SUFFIX: &str = ".part";

/// Name prefix of a file being written, for its final name.
pub(in crate::llm) fn part_prefix(name: &str) -> String {
    format!(".{name}-")
}

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overwrite {
    /// Never.
    Refuse,
    /// Yes.
    Replace,
}

/// State shared between a long write and its observer.
#[derive(Debug, Clone, Copy)]
pub struct WriteProgress<'a> {
    /// Bytes written so far.
    pub written: &'a AtomicU64,
    /// Raised to stop the write.
    pub stop: &'a AtomicBool,
}

impl WriteProgress<'_> {
    /// Whether it should stop.
    pub(in crate::llm) fn is_stopped(self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Writes some bytes and counts them, unless it should stop.
    pub(super) fn write(self, out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        if self.is_stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        out.write_all(bytes)?;
        self.written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl SyntheticModel {
    /// Writes the file to `path`: to a temporary name in the same folder, then synced to disk, then renamed.
    ///
    /// # Errors
    /// [`SynthError::Exists`] and [`SynthError::NoRoom`] before anything is written. No partial file is left behind
    /// unless the process is killed: then one whose name starts with `.` and ends with `.part`.
    pub fn write_file(&self, path: &Path, overwrite: Overwrite, watch: WriteProgress<'_>) -> Result<(), SynthError> {
        let refuse = || if overwrite == Overwrite::Refuse { refuse_existing(path) } else { Ok(()) };
        if path.is_dir() {
            return Err(SynthError::IsAFolder { path: path.to_owned() });
        }
        refuse()?;
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        self.require_room(folder, path)?;
        let failed = |action, at: &Path| {
            let path = at.to_owned();
            move |source: io::Error| SynthError::Io { action, path, source }
        };
        let mut file = part_file(folder, path).map_err(failed("write to", folder))?;
        match self.write_to(file.as_file_mut(), watch).and_then(|()| file.as_file().sync_all()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted && watch.is_stopped() => {
                return Err(SynthError::Interrupted);
            }
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                // Other programs have filled the file system meanwhile, or its figure was wrong.
                let free_bytes = fs4::available_space(folder).unwrap_or(0);
                return Err(self.no_room(path, free_bytes));
            }
            other => other.map_err(failed("write", path))?,
        }
        refuse()?;
        persist(file, path).map_err(failed("rename to", path))
    }

    fn require_room(&self, folder: &Path, path: &Path) -> Result<(), SynthError> {
        // If free space is unknown, writing will show.
        match fs4::available_space(folder) {
            Ok(free_bytes) if free_bytes < self.file_bytes() => Err(self.no_room(path, free_bytes)),
            _ => Ok(()),
        }
    }

    fn no_room(&self, path: &Path, free_bytes: u64) -> SynthError {
        SynthError::NoRoom { path: path.to_owned(), needed_bytes: self.file_bytes(), free_bytes }
    }
}

fn refuse_existing(path: &Path) -> Result<(), SynthError> {
    // A broken link also counts as existing.
    match fs::symlink_metadata(path) {
        Ok(_) => Err(SynthError::Exists { path: PathBuf::from(path) }),
        Err(_) => Ok(()),
    }
}

/// A temporary file in the same folder, removed when dropped.
fn part_file(folder: &Path, path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let prefix = part_prefix(&path.file_name().unwrap_or_default().to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(PART_SUFFIX);
    // Temporary files are private by default; a model gets the permissions of the user's umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::super::shape::ModelShape;
    use super::*;

    fn write(path: &Path, overwrite: Overwrite, stop: bool) -> Result<(), SynthError> {
        let (written, stop) = (AtomicU64::new(0), AtomicBool::new(stop));
        let model = SyntheticModel::new(ModelShape::named("tiny").unwrap(), 1);
        model.write_file(path, overwrite, WriteProgress { written: &written, stop: &stop })
    }

    #[test]
    fn file_is_complete_or_absent() {
        let folder = tempfile::tempdir().unwrap();
        let names = || {
            let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let path = folder.path().join("m.gguf");
        assert!(matches!(write(&path, Overwrite::Refuse, true), Err(SynthError::Interrupted)));
        assert_eq!(names(), Vec::<String>::new());
        write(&path, Overwrite::Refuse, false).unwrap();
        assert_eq!(names(), ["m.gguf"]);
        let whole = fs::metadata(&path).unwrap().len();
        assert_eq!(whole, SyntheticModel::new(ModelShape::named("tiny").unwrap(), 1).file_bytes());
    }

    #[test]
    fn existing_file_is_kept_unless_replacing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(write(&path, Overwrite::Refuse, false), Err(SynthError::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        assert!(matches!(write(&path, Overwrite::Replace, true), Err(SynthError::Interrupted)));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        write(&path, Overwrite::Replace, false).unwrap();
        assert!(fs::read(&path).unwrap().starts_with(b"GGUF"));
        assert!(matches!(write(folder.path(), Overwrite::Replace, false), Err(SynthError::IsAFolder { .. })));
        let nowhere = write(&folder.path().join("no/such/m.gguf"), Overwrite::Refuse, false);
        assert!(matches!(nowhere, Err(SynthError::Io { .. })));
    }

    #[test]
    fn missing_disk_space_is_quantified() {
        let model = SyntheticModel::new(ModelShape::named("zephyr-7b").unwrap(), 1);
        let error = model.no_room(Path::new("z.gguf"), 1_000_000_000).to_string();
        let needed = model.file_bytes().to_string();
        assert!(error.contains(&needed) && error.contains("(1.00 GB) are free"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn umask_decides_file_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, plain) = (folder.path().join("m.gguf"), folder.path().join("plain"));
        write(&path, Overwrite::Refuse, false).unwrap();
        fs::write(&plain, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&plain));
    }
}
