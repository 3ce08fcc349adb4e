//! Linux: `posix_fadvise` drops the pages of a file, `mincore` tells which are cached.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr;

use super::PageCacheError;

/// Number of attempts to drop pages: a page in transit is skipped once.
const TRIES: u32 = 3;

/// Drops a file from the page cache and returns the share that is still cached: pages mapped by another process stay.
/// Unwritten data is first written to disk, since it could not be dropped.
pub(super) fn drop_from_cache(path: &Path) -> Result<f64, PageCacheError> {
    let file = open(path)?;
    file.sync_all().map_err(|source| PageCacheError::io("put onto the disk", path, source))?;
    let mut left = 1.0;
    for _ in 0..TRIES {
        // SAFETY: the descriptor is open, and the call does not touch this process's memory.
        let code = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
        if code != 0 {
            let source = io::Error::from_raw_os_error(code);
            return Err(PageCacheError::io("drop from the page cache", path, source));
        }
        left = share(&file, path)?;
        if left == 0.0 {
            break;
        }
    }
    Ok(left)
}

/// The share of a file in the page cache, from 0 to 1. The kernel only reports it for files that the user owns or may
/// write; for others it reports 1.
pub(super) fn cached_share(path: &Path) -> Result<f64, PageCacheError> {
    share(&open(path)?, path)
}

fn open(path: &Path) -> Result<File, PageCacheError> {
    File::open(path).map_err(|source| PageCacheError::io("open", path, source))
}

fn share(file: &File, path: &Path) -> Result<f64, PageCacheError> {
    let fault = |source| PageCacheError::io("ask the page cache for", path, source);
    let length = usize::try_from(file.metadata().map_err(fault)?.len()).unwrap_or(usize::MAX);
    if length == 0 {
        return Ok(1.0);
    }
    let pages = resident(file, length).map_err(fault)?;
    Ok(pages.iter().filter(|page| **page & 1 == 1).count() as f64 / pages.len() as f64)
}

/// One byte per page of the file; its lowest bit tells whether the page is cached.
fn resident(file: &File, length: usize) -> io::Result<Vec<u8>> {
    // SAFETY: it reads a system constant.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096).max(1);
    let mut pages = vec![0_u8; length.div_ceil(page)];
    // SAFETY: a new mapping of an open file, at an address chosen by the kernel. Nothing is read or written through it,
    // so it loads no page and cannot fault, even if the file is truncated meanwhile.
    let map = unsafe { libc::mmap(ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if map == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is `length` bytes long, and the vector has a byte for each of its pages.
    let code = unsafe { libc::mincore(map, length, pages.as_mut_ptr()) };
    let told = if code == 0 { Ok(pages) } else { Err(io::Error::last_os_error()) };
    // SAFETY: it was mapped above with this length and is no longer referenced.
    unsafe { libc::munmap(map, length) };
    told
}

#[cfg(test)]
#[allow(clippy::float_cmp)] // 0 and 1 are exact.
mod tests {
    use std::io::Write;
    use std::sync::atomic::AtomicBool;

    use super::super::read_through;
    use super::*;

    #[test]
    fn file_is_dropped_and_cached_again() {
        // Next to the build: temporary folders may be in memory, where nothing can be dropped.
        let mut file = tempfile::NamedTempFile::new_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all(&vec![7; 3_000_001]).unwrap();
        file.flush().unwrap();
        assert_eq!(cached_share(file.path()).unwrap(), 1.0);
        let left = drop_from_cache(file.path()).unwrap();
        assert_eq!(left, cached_share(file.path()).unwrap());
        assert!(left < 0.01, "{left}");
        read_through(file.path(), &AtomicBool::new(false)).unwrap();
        assert_eq!(cached_share(file.path()).unwrap(), 1.0);
    }

    #[test]
    fn missing_file_is_an_error_and_empty_file_fully_cached() {
        let gone = Path::new("/nowhere/model.gguf");
        assert!(drop_from_cache(gone).unwrap_err().to_string().contains("cannot open /nowhere/model.gguf"));
        assert!(cached_share(gone).is_err() && read_through(gone, &AtomicBool::new(false)).is_err());
        assert_eq!(cached_share(tempfile::NamedTempFile::new().unwrap().path()).unwrap(), 1.0);
    }
}
