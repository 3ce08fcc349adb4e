//! `workly-perf report`.

use std::path::PathBuf;

use clap::Args;

use super::root::RenderFormat;

/// Show a saved run in any format.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of the run, or its run.json.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Output format, printed to standard output.
    #[arg(long, value_enum, default_value_t = RenderFormat::Table)]
    pub format: RenderFormat,
}
