//! Text tables for a terminal.

use super::super::comparison::{comparison_table, history_table};
use super::super::error::ReportError;
use super::super::table::table;
use super::{ComparisonPage, Exporter, Format, HistoryPage, RunPage};

/// As text tables.
pub(super) struct Table;

impl Exporter<RunPage<'_>> for Table {
    fn format(&self) -> Format {
        Format::Table
    }

    fn help(&self) -> &'static str {
        "Text table"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        Ok(table(page.run, page.width, page.detail))
    }

    fn has_warnings(&self) -> bool {
        true
    }
}

impl Exporter<ComparisonPage<'_>> for Table {
    fn format(&self) -> Format {
        Format::Table
    }

    fn help(&self) -> &'static str {
        "Text table"
    }

    fn export(&self, page: &ComparisonPage<'_>) -> Result<String, ReportError> {
        Ok(comparison_table(page.comparison, page.outcome, page.width))
    }
}

impl Exporter<HistoryPage<'_>> for Table {
    fn format(&self) -> Format {
        Format::Table
    }

    fn help(&self) -> &'static str {
        "Text table"
    }

    fn export(&self, page: &HistoryPage<'_>) -> Result<String, ReportError> {
        Ok(history_table(page.series, page.remarks, page.width))
    }
}
