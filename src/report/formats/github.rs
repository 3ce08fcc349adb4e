//! The log of a GitHub workflow.

use super::super::comparison::{annotations, comparison_table, without_commands};
use super::super::error::ReportError;
use super::{ComparisonPage, Exporter, Format};

/// As annotations, followed by the table.
pub(super) struct Github;

impl Exporter<ComparisonPage<'_>> for Github {
    fn format(&self) -> Format {
        Format::Github
    }

    fn help(&self) -> &'static str {
        "GitHub annotations, at most one of each kind; Markdown is written to the file named by `GITHUB_STEP_SUMMARY`"
    }

    fn export(&self, page: &ComparisonPage<'_>) -> Result<String, ReportError> {
        let table = comparison_table(page.comparison, page.outcome, page.width);
        Ok(annotations(page.comparison, page.outcome) + &without_commands(&table, page.token))
    }
}
