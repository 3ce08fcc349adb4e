//! A row of the wide history CSV.

use super::super::comparison::wide;
use super::super::error::ReportError;
use super::{ComparisonFile, Exporter, Format};

/// As one more row of a history. A refused comparison has no row: its figures belong to another series.
pub(super) struct HistoryRow;

impl Exporter<ComparisonFile<'_>> for HistoryRow {
    fn format(&self) -> Format {
        Format::History
    }

    fn help(&self) -> &'static str {
        "A row of the wide history CSV"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        let commit = file.commit.as_deref().unwrap_or(&file.comparison.new_commit);
        let row = file.comparison.wide_row(commit, file.branch.as_deref().unwrap_or_default());
        let Some(row) = row.filter(|row| !row.values.is_empty()) else {
            let reason = "NEW has no figures, or its start time is not known: there is no row to add";
            return Err(ReportError::Nothing { reason });
        };
        wide(&file.existing, &[row]).map_err(|detail| ReportError::NotAHistory { detail })
    }

    fn appends(&self) -> bool {
        true
    }
}
