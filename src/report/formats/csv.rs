//! CSV.

use super::super::comparison::wide;
use super::super::error::ReportError;
use super::json::text_of;
use super::{Exporter, Format, HistoryPage, RunPage};
use crate::compare::wide_rows;
use crate::record;

/// As CSV.
pub(super) struct Csv;

impl Exporter<RunPage<'_>> for Csv {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn help(&self) -> &'static str {
        "CSV, one row per figure, as in summary.csv"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        text_of(|text| record::write_csv(text, page.run))
    }
}

impl Exporter<HistoryPage<'_>> for Csv {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn help(&self) -> &'static str {
        "Wide CSV, one row per run: `time,commit,branch,…`, for change-point tools"
    }

    fn export(&self, page: &HistoryPage<'_>) -> Result<String, ReportError> {
        wide("", &wide_rows(page.series)).map_err(|detail| ReportError::NotAHistory { detail })
    }
}
