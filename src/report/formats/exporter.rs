//! What an exporter is, and the pages that exporters are given.

use serde_json::Value;

use super::super::error::ReportError;
use super::super::html::Distribution;
use super::super::table::Detail;
use super::Format;
use crate::compare::{Comparison, ComparisonOutcome, FigureSeries};
use crate::record::Run;

/// Declares [`Format`] with the name of each format on the command line.
macro_rules! formats {
    ($($format:ident = $name:literal),+ $(,)?) => {
        /// An output format.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // Their exporters describe them.
        pub enum Format {
            $($format),+
        }

        impl Format {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$format),+];

            /// Its name on the command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$format => $name),+
                }
            }
        }
    };
}
pub(super) use formats;

/// Writes a `Page` in one format.
pub trait Exporter<Page>: Sync {
    /// The format.
    fn format(&self) -> Format;

    /// The format in the help of the command line.
    fn help(&self) -> &'static str;

    /// The page as text.
    ///
    /// # Errors
    /// If the page lacks what the format requires.
    fn export(&self, page: &Page) -> Result<String, ReportError>;

    /// Whether the text has the page's warnings. Formats for programs do not.
    fn has_warnings(&self) -> bool {
        false
    }

    /// What the format cannot show of the page, in sentences.
    fn left_out(&self, _page: &Page) -> Vec<String> {
        Vec::new()
    }

    /// Whether the text of an existing file is kept, and needed to write the new one.
    fn appends(&self) -> bool {
        false
    }
}

/// Exports a run.
pub type RunExporter = dyn for<'a> Exporter<RunPage<'a>>;

/// Exports a comparison to standard output.
pub type ComparisonExporter = dyn for<'a> Exporter<ComparisonPage<'a>>;

/// Exports a comparison to a file.
pub type FileExporter = dyn for<'a> Exporter<ComparisonFile<'a>>;

/// Exports a history.
pub type HistoryExporter = dyn for<'a> Exporter<HistoryPage<'a>>;

/// A run, to be shown.
pub struct RunPage<'a> {
    /// The run.
    pub run: &'a Run,
    /// Columns of the terminal.
    pub width: usize,
    /// How much of it a terminal shows.
    pub detail: Detail,
    /// Reads the latencies of each case; only formats with charts need them.
    pub distributions: &'a dyn Fn() -> Vec<Distribution>,
}

/// A comparison, to be shown.
pub struct ComparisonPage<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Its outcome.
    pub outcome: ComparisonOutcome,
    /// How it was requested.
    pub conditions: &'a Value,
    /// Columns of the terminal.
    pub width: usize,
    /// Any unguessable number.
    pub token: u64,
}

/// A comparison, to be written to a file.
pub struct ComparisonFile<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Its outcome.
    pub outcome: ComparisonOutcome,
    /// How it was requested.
    pub conditions: &'a Value,
    /// Whether an inconclusive figure is an error.
    pub strict: bool,
    /// Revision of the measured program; without it, that of workly-perf.
    pub commit: Option<String>,
    /// Branch of the measured program.
    pub branch: Option<String>,
    /// The text that the file has now; empty for exporters that do not append.
    pub existing: String,
}

/// A history, to be shown.
pub struct HistoryPage<'a> {
    /// The series.
    pub series: &'a [FigureSeries],
    /// Remarks on them.
    pub remarks: &'a [String],
    /// Columns of the terminal.
    pub width: usize,
}

/// The exporter for a format.
///
/// # Errors
/// If none of them has that format.
pub fn exporter_of<Page, E>(
    exporters: impl IntoIterator<Item = &'static E>,
    format: Format,
) -> Result<&'static E, ReportError>
where
    E: Exporter<Page> + ?Sized + 'static,
{
    let mut exporters = exporters.into_iter();
    exporters.find(|exporter| exporter.format() == format).ok_or(ReportError::NoExporter { format: format.name() })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{COMPARISON_FORMATS, FILE_FORMATS, HISTORY_FORMATS, RUN_FORMATS, SAVED_FORMATS, TOKEN_FORMATS};
    use super::*;

    /// Every list has each of its formats once; no format is in no list, and no two have the same name.
    #[test]
    fn every_format_has_an_exporter_and_a_unique_name() {
        let lists: [Vec<Format>; 4] = [
            RUN_FORMATS.iter().chain(&TOKEN_FORMATS).chain(&SAVED_FORMATS).map(|exporter| exporter.format()).collect(),
            COMPARISON_FORMATS.iter().map(|exporter| exporter.format()).collect(),
            FILE_FORMATS.iter().map(|exporter| exporter.format()).collect(),
            HISTORY_FORMATS.iter().map(|exporter| exporter.format()).collect(),
        ];
        for list in &lists {
            let names: HashSet<&str> = list.iter().map(|format| format.name()).collect();
            assert_eq!(names.len(), list.len(), "{list:?}");
        }
        for format in Format::ALL {
            assert!(lists.iter().any(|list| list.contains(format)), "{format:?} has no exporter");
        }
    }

    #[test]
    fn format_without_an_exporter_is_named() {
        let error = exporter_of(HISTORY_FORMATS, Format::Junit).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("this cannot be shown as junit"));
    }
}
