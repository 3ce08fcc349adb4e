//! Bencher Metric Format.

use super::super::comparison::bencher;
use super::super::error::ReportError;
use super::{ComparisonFile, Exporter, Format};

/// As Bencher Metric Format.
pub(super) struct Bencher;

impl Exporter<ComparisonFile<'_>> for Bencher {
    fn format(&self) -> Format {
        Format::Bencher
    }

    fn help(&self) -> &'static str {
        "Bencher Metric Format"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        bencher(file.comparison).ok_or(ReportError::Nothing { reason: "NEW has no figures" })
    }
}
