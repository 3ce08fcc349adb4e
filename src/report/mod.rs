//! A record as text: Markdown for the folder, a table for a terminal, one HTML file for sharing, and llama-bench's
//! formats.
//!
//! Pure: a run in, text out. It uses no terminal or command line, writes no file, and computes no figure that is not in
//! the record.

mod attribution;
mod before_after;
mod comparison;
mod conditions;
mod error;
mod figure;
mod formats;
mod html;
mod line;
mod llama_bench;
mod markdown;
mod metric_tables;
mod notes;
mod outline;
mod pictures;
mod round_trip;
#[cfg(test)]
mod sample;
mod settings;
mod support;
mod table;
mod terminal_head;
mod timeline;
mod trade;
mod waterfall;

pub use comparison::{comparison_markdown, comparison_summary, headline, is_wide, read_wide, wide, without_gaps};
pub use error::ReportError;
pub use figure::{amount, amount_by, with_interval};
pub use formats::{
    COMPARISON_FORMATS, ComparisonExporter, ComparisonFile, ComparisonPage, Exporter, FILE_FORMATS, FileExporter,
    Format, HISTORY_FORMATS, HistoryExporter, HistoryPage, RUN_FORMATS, RunExporter, RunPage, SAVED_FORMATS,
    TOKEN_FORMATS, exporter_of,
};
pub use html::{Distribution, html};
pub use line::case_line;
pub use markdown::markdown;
pub use support::{CheckLine, support};
pub use table::{Detail, table};
