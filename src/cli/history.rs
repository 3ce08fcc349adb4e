//! `workly-perf history`.

use std::path::PathBuf;

use clap::Args;

use super::format::{DEFAULT, history_formats};
use super::values::parse_share;
use crate::report::Format;

/// Show how metrics developed over many runs and where they changed.
///
/// Runs from different machines or of different subjects are never combined into one series.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// A folder of runs, or a CSV file with several runs; with --split also a history file written by `compare`.
    #[arg(value_name = "RUNS")]
    pub runs: PathBuf,
    /// Metrics to show: METRIC or CASE:METRIC, with * as a wildcard.
    #[arg(long, value_name = "METRICS", value_delimiter = ',', default_value = "p50,avg_ts,goodput")]
    pub metrics: Vec<String>,
    /// The smallest change to show.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = parse_share)]
    pub min_effect: f64,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = history_formats(), default_value = DEFAULT)]
    pub format: Format,
    /// Write wide CSV files without empty cells to this folder, which must be new or empty, and print their names. Each file
    /// holds the metrics of one command that the same runs have in common. Apache Otava rejects files with gaps.
    #[arg(long, value_name = "DIR", conflicts_with = "format")]
    pub split: Option<PathBuf>,
}
