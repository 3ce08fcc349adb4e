//! What several plans need: Workly's configuration, and how values are written into the record.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serializer;

use crate::config::{ConfigError, WorklyConfig};

/// Where Workly keeps its configuration, relative to its folder.
pub const DEFAULT_CONFIG: &str = "data/config.json";

/// The configuration that was named, else the one in its usual place, else none: with its path if it was read.
pub(super) fn read_config(given: Option<&Path>) -> Result<(Option<PathBuf>, WorklyConfig), ConfigError> {
    let path = match given {
        Some(path) => path,
        None if Path::new(DEFAULT_CONFIG).is_file() => Path::new(DEFAULT_CONFIG),
        None => return Ok((None, WorklyConfig::default())),
    };
    Ok((Some(path.into()), WorklyConfig::read(path)?))
}

/// A value in the form that the command line takes.
pub(super) fn as_text<S: Serializer>(target: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(target)
}

/// A path as it is shown: not every path is Unicode, and a record is.
pub(super) fn as_shown<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// The same where there may be none.
#[allow(clippy::ref_option)] // serde hands over references.
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
