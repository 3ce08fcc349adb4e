//! How plans write their values into the record.

use std::fmt::Display;
use std::time::Duration;

use serde::Serializer;

/// A value in the form that the command line takes.
pub(super) fn as_text<S: Serializer>(target: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(target)
}

/// A duration in milliseconds.
pub(super) fn as_ms<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64() * 1e3)
}
