//! One HTML file.

use super::super::comparison::{comparison_html, history_html};
use super::super::error::ReportError;
use super::super::html::html;
use super::{ComparisonFile, ComparisonPage, Exporter, Format, HistoryPage, RunPage};

/// As a self-contained HTML page.
pub(super) struct Html;

impl Exporter<RunPage<'_>> for Html {
    fn format(&self) -> Format {
        Format::Html
    }

    fn help(&self) -> &'static str {
        "A self-contained HTML page with pictures of the figures"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        Ok(html(page.run, &(page.distributions)()))
    }

    fn has_warnings(&self) -> bool {
        true
    }
}

impl Exporter<ComparisonPage<'_>> for Html {
    fn format(&self) -> Format {
        Format::Html
    }

    fn help(&self) -> &'static str {
        "A self-contained HTML page with the changes as a picture"
    }

    fn export(&self, page: &ComparisonPage<'_>) -> Result<String, ReportError> {
        Ok(comparison_html(page.comparison, page.outcome))
    }
}

impl Exporter<ComparisonFile<'_>> for Html {
    fn format(&self) -> Format {
        Format::Html
    }

    fn help(&self) -> &'static str {
        "A self-contained HTML page with the changes as a picture"
    }

    fn export(&self, page: &ComparisonFile<'_>) -> Result<String, ReportError> {
        Ok(comparison_html(page.comparison, page.outcome))
    }
}

impl Exporter<HistoryPage<'_>> for Html {
    fn format(&self) -> Format {
        Format::Html
    }

    fn help(&self) -> &'static str {
        "A self-contained HTML page with a plot of each metric"
    }

    fn export(&self, page: &HistoryPage<'_>) -> Result<String, ReportError> {
        Ok(history_html(page.series, page.remarks))
    }
}
