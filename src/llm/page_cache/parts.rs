//! All files of a model: a split one is only cold if all of its parts are.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{PageCacheError, fill, system};
use crate::llm::part_paths;

/// Drops the model with the first file `path` from the page cache and returns the share that is still cached.
pub fn drop_from_cache(path: &Path) -> Result<f64, PageCacheError> {
    share_of_all(path, system::drop_from_cache)
}

/// The share of the model with the first file `path` in the page cache, from 0 to 1.
pub fn cached_share(path: &Path) -> Result<f64, PageCacheError> {
    share_of_all(path, system::cached_share)
}

/// Reads the model with the first file `path` to its end, or until `stop` is set.
pub fn read_through(path: &Path, stop: &AtomicBool) -> Result<(), PageCacheError> {
    part_paths(path).iter().try_for_each(|part| fill::read_through(part, stop))
}

/// The mean share of the parts, weighted by length.
fn share_of_all(path: &Path, share: fn(&Path) -> Result<f64, PageCacheError>) -> Result<f64, PageCacheError> {
    let (mut cached, mut all) = (0.0, 0.0);
    for part in part_paths(path) {
        let bytes = part.metadata().map_err(|source| PageCacheError::io("open", &part, source))?.len();
        let bytes = bytes.max(1) as f64;
        cached += share(&part)? * bytes;
        all += bytes;
    }
    Ok(cached / all)
}
