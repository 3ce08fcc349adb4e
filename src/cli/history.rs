//! `workly-perf history`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::parse_share;

/// Shows how figures developed over many runs, and where they changed.
///
/// Runs on different machines or of different subjects are never put into one series.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// A folder of runs, or a CSV file of several; with --split also a history that `compare` wrote.
    #[arg(value_name = "RUNS")]
    pub runs: PathBuf,
    /// These figures: METRIC or CASE:METRIC, with * for any text.
    #[arg(long, value_name = "METRICS", value_delimiter = ',', default_value = "p50,avg_ts,goodput")]
    pub metrics: Vec<String>,
    /// The smallest change that is shown.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_share)]
    pub min_effect: f64,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = HistoryFormat::Table)]
    pub format: HistoryFormat,
    /// Write wide CSV files without empty cells into this folder, which must be new or empty, and name them: one for the
    /// figures of each command that the same runs have. Apache Otava takes no file with gaps.
    #[arg(long, value_name = "DIR", conflicts_with = "format")]
    pub split: Option<PathBuf>,
}

/// How a history is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum HistoryFormat {
    /// For eyes.
    Table,
    /// Markdown.
    Md,
    /// Wide CSV, one row a run: `time,commit,branch,…`, for change-point tools.
    Csv,
    /// Everything, for programs.
    Json,
}
