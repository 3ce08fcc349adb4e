//! Replaces a user's file completely or not at all: one writer at a time, the old version is kept, and changes by
//! others are not lost.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::error::ConfigError;
use super::file::read_bytes;
use super::history::{self, KEPT_VERSIONS, KeptVersion};
use crate::replacing::persist;

/// Name pattern of files being written: a left-over one belongs to a killed process.
const UNFINISHED: &str = ".workly-perf-writing-";

/// In the folder of the versions: the holder of its lock may write. It is never removed, so that everyone locks the
/// same file.
const LOCK: &str = "lock";

/// Replaces `target`, which must still contain `before`, with `after`. Returns the kept version. Errors name `path`.
pub(super) fn replace(path: &Path, target: &Path, before: &[u8], after: &[u8]) -> Result<KeptVersion, ConfigError> {
    let metadata = fs::metadata(target).map_err(ConfigError::read(path))?;
    if metadata.permissions().readonly() {
        return Err(ConfigError::ReadOnly { path: path.to_owned() });
    }
    let folder = target.parent().unwrap_or(Path::new("."));
    let versions = history::folder_of(target);
    fs::create_dir_all(&versions).map_err(ConfigError::write(&versions))?;
    let _lock = lock(path, &versions)?;
    unchanged(path, target, before)?;
    // No other process is writing: we hold the lock.
    remove_unfinished(folder);
    remove_unfinished(&versions);

    let kept = history::kept(target)?;
    let version = history::next(target, &kept, Timestamp::now());
    finished(&versions, before, &metadata)
        .and_then(|copy| name(copy, &version.path))
        .map_err(ConfigError::write(&version.path))?;
    let replaced = finished(folder, after, &metadata).map_err(ConfigError::write(path)).and_then(|new| {
        // The application does not use the lock: check once more, as late as possible.
        unchanged(path, target, before)?;
        name(new, target).map_err(ConfigError::replace(path))
    });
    if let Err(error) = replaced {
        // No change was made, so there is no version before it. If it cannot be removed, the history ignores it.
        let _ = fs::remove_file(&version.path);
        return Err(error);
    }
    for old in kept.iter().skip(KEPT_VERSIONS - 1) {
        // A surplus version does not make a successful change a failure.
        let _ = fs::remove_file(&old.path);
    }
    Ok(version)
}

/// The lock, held until it is dropped or the process ends for any reason.
fn lock(path: &Path, versions: &Path) -> Result<File, ConfigError> {
    let place = versions.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&place);
    let file = file.map_err(ConfigError::write(&place))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ConfigError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(ConfigError::write(&place)(error)),
    }
}

fn unchanged(path: &Path, target: &Path, before: &[u8]) -> Result<(), ConfigError> {
    if read_bytes(target)? == before { Ok(()) } else { Err(ConfigError::Changed { path: path.to_owned() }) }
}

/// A temporary file with these bytes on disk and the owner of the original.
fn finished(folder: &Path, bytes: &[u8], original: &Metadata) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    keep_owner(file.as_file(), original)?;
    file.as_file().set_permissions(original.permissions())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// After a change by an administrator the file still belongs to its owner.
#[cfg(unix)]
fn keep_owner(file: &File, original: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let own = file.metadata()?;
    if (own.uid(), own.gid()) == (original.uid(), original.gid()) {
        return Ok(());
    }
    fchown(file, Some(original.uid()), Some(original.gid()))
}

/// Renames a finished file to its target, and flushes the folder to disk.
fn name(file: NamedTempFile, path: &Path) -> io::Result<()> {
    persist(file, path)?;
    // Windows stores names with the file; elsewhere they belong to the folder.
    #[cfg(unix)]
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

/// Removes files of killed processes. Best effort: what cannot be removed remains.
fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ConfigFile, ConfigHistory, Patch};
    use super::*;
    use crate::config::AppProfile;

    fn place() -> (tempfile::TempDir, std::path::PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("config.json");
        fs::write(&path, "{\"ai\": {\"gpu_profile\": \"performance\"}}").unwrap();
        (temp, path)
    }

    fn to(profile: AppProfile, path: &Path) -> Result<KeptVersion, ConfigError> {
        ConfigFile::open(path).unwrap().change(&Patch::default().gpu_profile(profile)).unwrap().write()
    }

    #[test]
    fn changes_keep_versions_and_undo_restores_any_of_them() {
        let (_temp, path) = place();
        let first = fs::read(&path).unwrap();
        to(AppProfile::Balanced, &path).unwrap();
        let second = fs::read(&path).unwrap();
        let version = to(AppProfile::CpuFallback, &path).unwrap();
        assert_eq!(fs::read(&version.path).unwrap(), second);
        assert_eq!(ConfigHistory::open(&path).unwrap().versions().len(), 2);
        ConfigHistory::open(&path).unwrap().restore(2).unwrap().write().unwrap();
        assert_eq!(fs::read(&path).unwrap(), first);
        let history = ConfigHistory::open(&path).unwrap();
        assert_eq!(history.versions().len(), 3, "an undo can be undone");
        assert!(matches!(history.restore(4), Err(ConfigError::NoSuchVersion { number: 4, kept: 3, .. })));
        assert!(matches!(history.restore(0), Err(ConfigError::NoSuchVersion { .. })));
    }

    #[test]
    fn only_recent_versions_are_kept() {
        let (_temp, path) = place();
        for _ in 0..KEPT_VERSIONS {
            to(AppProfile::Balanced, &path).unwrap();
            to(AppProfile::Performance, &path).unwrap();
        }
        let kept = history::kept(&fs::canonicalize(&path).unwrap()).unwrap();
        assert_eq!((kept.len(), kept[0].serial), (KEPT_VERSIONS, 2 * KEPT_VERSIONS as u64));
    }

    #[test]
    fn concurrent_changes_are_never_lost() {
        let (_temp, path) = place();
        let change = ConfigFile::open(&path).unwrap().change(&Patch::default().gpu_profile(AppProfile::Balanced));
        fs::write(&path, "{}").unwrap();
        assert!(matches!(change.unwrap().write(), Err(ConfigError::Changed { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
        assert!(ConfigHistory::open(&path).unwrap().versions().is_empty());
    }

    #[test]
    fn failed_replacement_leaves_no_copy() {
        let (_temp, path) = place();
        // A folder cannot be replaced by a file: an example of a failure in the last step.
        let target = path.with_file_name("folder");
        fs::create_dir(&target).unwrap();
        let metadata = fs::metadata(&path).unwrap();
        let copy = finished(target.parent().unwrap(), b"{}", &metadata).unwrap();
        let copy_path = copy.path().to_owned();
        assert!(name(copy, &target).is_err());
        assert!(!copy_path.exists(), "the copy that could not be installed is removed");
        let busy = ConfigError::replace(&path)(io::ErrorKind::ResourceBusy.into());
        assert!(matches!(busy, ConfigError::Mounted { .. }), "{busy}");
    }

    #[test]
    fn second_writer_is_refused_and_the_lock_ends_with_its_holder() {
        let (_temp, path) = place();
        let versions = history::folder_of(&fs::canonicalize(&path).unwrap());
        fs::create_dir_all(&versions).unwrap();
        let held = lock(&path, &versions).unwrap();
        assert!(matches!(to(AppProfile::Balanced, &path), Err(ConfigError::Locked { .. })));
        assert!(fs::read_to_string(&path).unwrap().contains("performance"));
        drop(held);
        to(AppProfile::Balanced, &path).unwrap();
    }

    #[test]
    fn only_leftovers_of_killed_writers_are_removed() {
        let (temp, path) = place();
        for name in [".workly-perf-writing-abc", "other.tmp"] {
            fs::write(temp.path().join(name), "x").unwrap();
        }
        to(AppProfile::Balanced, &path).unwrap();
        let mut names: Vec<_> = fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["config.json", "config.json.workly-perf", "other.tmp"]);
    }

    #[cfg(windows)]
    #[test]
    fn file_held_open_by_another_program_is_named_and_unchanged() {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        let (_temp, path) = place();
        let before = fs::read(&path).unwrap();
        let held = OpenOptions::new().read(true).share_mode(FILE_SHARE_READ).open(&path).unwrap();
        assert!(matches!(to(AppProfile::Balanced, &path), Err(ConfigError::HeldOpen { .. })));
        assert_eq!(fs::read(&path).unwrap(), before);
        assert!(ConfigHistory::open(&path).unwrap().versions().is_empty());
        drop(held);
        to(AppProfile::Balanced, &path).unwrap();
    }
}
