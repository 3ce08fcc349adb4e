//! `workly-perf report`.

use std::path::PathBuf;

use clap::Args;

use super::format::{DEFAULT, saved_formats};
use crate::report::Format;

/// Show a saved run in any format.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of the run, or its run.json.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = saved_formats(), default_value = DEFAULT)]
    pub format: Format,
}
