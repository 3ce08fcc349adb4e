//! One HTML file.

use super::super::error::ReportError;
use super::super::html::html;
use super::{Exporter, Format, RunPage};

/// As a self-contained HTML page.
pub(super) struct Html;

impl Exporter<RunPage<'_>> for Html {
    fn format(&self) -> Format {
        Format::Html
    }

    fn help(&self) -> &'static str {
        "A self-contained HTML page with charts of the distributions"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        Ok(html(page.run, &(page.distributions)()))
    }

    fn has_warnings(&self) -> bool {
        true
    }
}
