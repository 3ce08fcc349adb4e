//! Shared parts of plans: reading Workly's configuration, and how values are recorded.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serializer;

use crate::config::{ConfigError, WorklyConfig};

/// Default path of Workly's configuration, relative to its folder.
pub const DEFAULT_CONFIG: &str = "data/config.json";

/// The named configuration, otherwise the one in its default location, otherwise none; with its path if it was read.
pub(super) fn read_config(given: Option<&Path>) -> Result<(Option<PathBuf>, WorklyConfig), ConfigError> {
    let path = match given {
        Some(path) => path,
        None if Path::new(DEFAULT_CONFIG).is_file() => Path::new(DEFAULT_CONFIG),
        None => return Ok((None, WorklyConfig::default())),
    };
    Ok((Some(path.into()), WorklyConfig::read(path)?))
}

/// A value in command-line notation.
pub(super) fn as_text<S: Serializer>(target: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(target)
}

/// A path for display: paths may not be Unicode, but records are.
pub(super) fn as_shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Like [`as_shown`], for an optional path.
#[allow(clippy::ref_option)] // Signature required by serde.
pub(super) fn maybe_shown<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        Some(path) => as_shown(path, serializer),
        None => serializer.serialize_none(),
    }
}

/// A duration in milliseconds.
pub(super) fn as_ms<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1e3)
}
