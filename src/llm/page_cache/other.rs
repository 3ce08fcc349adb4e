//! Systems without such calls. Windows sometimes drops a file from its cache when it is opened unbuffered, but does not
//! report it; macOS only empties the whole cache, for the administrator.

use std::path::Path;

use super::PageCacheError;

/// Unsupported.
pub(super) fn drop_from_cache(_: &Path) -> Result<f64, PageCacheError> {
    Err(PageCacheError::Unsupported { system: std::env::consts::OS })
}

/// Unsupported.
pub(super) fn cached_share(_: &Path) -> Result<f64, PageCacheError> {
    Err(PageCacheError::Unsupported { system: std::env::consts::OS })
}
