//! The two formats of github-action-benchmark.

use super::super::comparison::benchmark;
use super::super::error::ReportError;
use super::{ComparisonFile, Exporter, Format};
use crate::record::Direction;

/// As `customSmallerIsBetter`.
pub(super) struct Smaller;

impl Exporter<ComparisonFile<'_>> for Smaller {
    fn format(&self) -> Format {
        Format::BenchmarkSmaller
    }

    fn help(&self) -> &'static str {
        "github-action-benchmark, customSmallerIsBetter"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        benchmark(file.comparison, Direction::Lower).ok_or(ReportError::Nothing {
            reason: "NEW has no figure for which smaller is better, and github-action-benchmark fails on an empty list",
        })
    }
}

/// As `customBiggerIsBetter`.
pub(super) struct Bigger;

impl Exporter<ComparisonFile<'_>> for Bigger {
    fn format(&self) -> Format {
        Format::BenchmarkBigger
    }

    fn help(&self) -> &'static str {
        "github-action-benchmark, customBiggerIsBetter"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        benchmark(file.comparison, Direction::Higher).ok_or(ReportError::Nothing {
            reason: "NEW has no figure for which bigger is better, and github-action-benchmark fails on an empty list",
        })
    }
}
