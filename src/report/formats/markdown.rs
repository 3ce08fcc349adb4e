//! GitHub-flavoured Markdown.

use super::super::comparison::{comparison_markdown, comparison_summary, history_markdown};
use super::super::error::ReportError;
use super::super::markdown::markdown;
use super::{ComparisonFile, ComparisonPage, Exporter, Format, HistoryPage, RunPage};

/// GitHub's size limit for a comment, in characters, which are at most as many as bytes; it refuses a longer one.
const COMMENT_BYTES: usize = 65_536;

/// As Markdown.
pub(super) struct Markdown;

impl Exporter<RunPage<'_>> for Markdown {
    fn format(&self) -> Format {
        Format::Md
    }

    fn help(&self) -> &'static str {
        "Markdown, as in report.md"
    }

    fn export(&self, page: &RunPage<'_>) -> Result<String, ReportError> {
        Ok(markdown(page.run))
    }

    fn has_warnings(&self) -> bool {
        true
    }
}

impl Exporter<ComparisonPage<'_>> for Markdown {
    fn format(&self) -> Format {
        Format::Md
    }

    fn help(&self) -> &'static str {
        "Markdown, for a pull request or a job summary"
    }

    fn export(&self, page: &ComparisonPage<'_>) -> Result<String, ReportError> {
        Ok(comparison_markdown(page.comparison, page.outcome))
    }
}

impl Exporter<HistoryPage<'_>> for Markdown {
    fn format(&self) -> Format {
        Format::Md
    }

    fn help(&self) -> &'static str {
        "Markdown"
    }

    fn export(&self, page: &HistoryPage<'_>) -> Result<String, ReportError> {
        Ok(history_markdown(page.series, page.remarks))
    }
}

/// As Markdown that fits a comment on GitHub.
pub(super) struct Comment;

impl Exporter<ComparisonFile<'_>> for Comment {
    fn format(&self) -> Format {
        Format::Md
    }

    fn help(&self) -> &'static str {
        "Markdown that fits a comment on GitHub"
    }

    fn export(&self, file: &ComparisonFile<'_>) -> Result<String, ReportError> {
        Ok(comparison_summary(file.comparison, file.outcome, COMMENT_BYTES))
    }
}
