//! A record as text: Markdown for the folder, a table for a terminal, one HTML file for sharing, and llama-bench's formats.
//!
//! Pure: a run in, text out. It uses no terminal or command line, writes no file, and computes no figure that is not in the
//! record.

mod attribution;
mod before_after;
mod comparison;
mod conditions;
mod error;
mod figure;
mod html;
mod line;
mod llama_bench;
mod markdown;
mod metric_tables;
mod notes;
mod outline;
mod plot;
#[cfg(test)]
mod sample;
mod settings;
mod table;
mod timeline;
mod waterfall;

pub use comparison::{
    annotations, bencher, benchmark, comparison_json, comparison_markdown, comparison_summary, comparison_table,
    headline, history_markdown, history_table, is_wide, junit, read_wide, wide, without_commands, without_gaps,
};
pub use error::ReportError;
pub use figure::{amount, amount_by, with_interval};
pub use html::{Distribution, html};
pub use line::case_line;
pub use llama_bench::{llama_bench_csv, llama_bench_left_out, llama_bench_markdown};
pub use markdown::markdown;
pub use table::table;
