//! `workly-perf report`.

use std::path::PathBuf;

use clap::Args;

use super::root::RenderFormat;

/// Shows a saved run again.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folder of the record, or its run.json.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// How.
    #[arg(long, value_enum, default_value_t = RenderFormat::Table)]
    pub format: RenderFormat,
}
