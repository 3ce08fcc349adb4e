//! Systems without such calls. Windows empties its cache of a file when somebody opens it unbuffered, sometimes, and tells
//! nobody; macOS only empties all of it, for the administrator.

use std::path::Path;

use super::PageCacheError;

/// Refuses.
pub(super) fn drop_from_cache(_: &Path) -> Result<f64, PageCacheError> {
    Err(PageCacheError::Unsupported { system: std::env::consts::OS })
}

/// Refuses.
pub(super) fn cached_share(_: &Path) -> Result<f64, PageCacheError> {
    Err(PageCacheError::Unsupported { system: std::env::consts::OS })
}
