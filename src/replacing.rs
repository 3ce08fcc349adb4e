//! Writes files that are either complete or absent: a finished file replaces an existing one.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Number of attempts on Windows, and the pause between them: 0.5 s in total.
#[cfg(windows)]
const TRIES: u32 = 10;
#[cfg(windows)]
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Renames the file. On Windows, a file cannot be replaced while another program (a virus scanner, the application) has
/// it open, which usually ends soon: the attempt is repeated for half a second.
///
/// # Errors
/// Those of the system; see [`is_held_open`]. The existing file is unchanged, and the new one is removed.
pub fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    #[cfg(windows)]
    {
        let mut file = file;
        for _ in 1..TRIES {
            match file.persist(path) {
                Ok(_) => return Ok(()),
                Err(error) if is_held_open(&error.error) => file = error.file,
                Err(error) => return Err(error.error),
            }
            std::thread::sleep(PAUSE);
        }
        return file.persist(path).map(drop).map_err(|error| error.error);
    }
    #[cfg(not(windows))]
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Writes a temporary file beside the path and renames it once it is on disk. An existing file keeps its permissions.
///
/// # Errors
/// I/O errors. An existing file is then unchanged, and the temporary file is removed.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = new_file_in(folder)?;
    beside.write_all(bytes)?;
    if let Ok(replaced) = fs::metadata(path) {
        beside.as_file().set_permissions(replaced.permissions())?;
    }
    beside.as_file().sync_all()?;
    persist(beside, path)
}

/// Writes a file named by the user, with [`replace`] if possible. Symbolic links are followed. Devices, pipes, mounted
/// files (as in containers) and files in a folder without write permission are written in place.
///
/// # Errors
/// I/O errors. Only a file that is written in place can then be incomplete.
pub fn write_named(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = match fs::canonicalize(path) {
        Ok(target) if !target.is_file() => return fs::write(path, bytes),
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    match replace(&target, bytes) {
        Err(error) if is_only_replacing_refused(&error) => fs::write(path, bytes),
        written => written,
    }
}

/// Whether the file can only be written in place: its folder is not writable, or it is a mount point.
fn is_only_replacing_refused(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy)
}

/// A temporary file with the user's default permissions. The crate's own default would make it readable by this user
/// only.
fn new_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Whether this is Windows's error for a file that another program has open: `ERROR_ACCESS_DENIED` or
/// `ERROR_SHARING_VIOLATION`. Always false elsewhere, where an open file can be replaced.
#[must_use]
pub fn is_held_open(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(folder: &Path) -> NamedTempFile {
        let mut file = NamedTempFile::new_in(folder).unwrap();
        file.write_all(b"new").unwrap();
        file
    }

    #[cfg(not(windows))]
    #[test]
    fn open_file_is_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("config.json");
        fs::write(&path, "old").unwrap();
        let _held = fs::File::open(&path).unwrap();
        persist(finished(temp.path()), &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert!(!is_held_open(&io::Error::from_raw_os_error(5)), "an input/output error elsewhere");
    }

    #[cfg(unix)]
    #[test]
    fn named_file_keeps_its_permissions_and_its_symlink() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let temp = tempfile::tempdir().unwrap();
        let (file, link) = (temp.path().join("real.csv"), temp.path().join("link.csv"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
        symlink("real.csv", &link).unwrap();
        write_named(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn device_is_written_in_place_and_folder_is_refused() {
        write_named(Path::new("/dev/null"), b"gone").unwrap();
        assert!(!Path::new("/dev/null").is_file(), "it is still a device");
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(write_named(temp.path(), b"x").unwrap_err().kind(), io::ErrorKind::IsADirectory);
    }

    /// Opens it like a program that only shares read access.
    #[cfg(windows)]
    fn hold(path: &Path) -> fs::File {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_SHARE_READ: u32 = 1;
        fs::OpenOptions::new().read(true).share_mode(FILE_SHARE_READ).open(path).unwrap()
    }

    #[cfg(windows)]
    #[test]
    fn file_that_stays_open_is_kept_and_closed_one_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("config.json");
        fs::write(&path, "old").unwrap();
        let held = hold(&path);
        let error = persist(finished(temp.path()), &path).unwrap_err();
        assert!(is_held_open(&error), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1, "the new file is gone");
        drop(held);
        persist(finished(temp.path()), &path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
