//! Fills the page cache by reading the file once.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use super::PageCacheError;

/// Bytes read at a time.
const PIECE: usize = 1 << 20;

/// Reads the file to its end, or until `stop` is set.
pub(super) fn read_through(path: &Path, stop: &AtomicBool) -> Result<(), PageCacheError> {
    let mut file = File::open(path).map_err(|source| PageCacheError::io("open", path, source))?;
    let mut piece = vec![0; PIECE];
    while !stop.load(Ordering::Relaxed) {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(PageCacheError::io("read", path, source)),
        }
    }
    Ok(())
}
