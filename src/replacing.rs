//! Renames a finished file to its final name, replacing an existing file.

use std::io;
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

/// Whether this is Windows's error for a file that another program has open: `ERROR_ACCESS_DENIED` or
/// `ERROR_SHARING_VIOLATION`. Always false elsewhere, where an open file can be replaced.
#[must_use]
pub fn is_held_open(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

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
