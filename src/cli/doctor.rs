//! `workly-perf doctor`.

use clap::{Args, ValueEnum};

use super::reach::BridgeConnectionArgs;
use crate::llm::ModelRef;

/// Check machine, GPU, configuration, model and bridge, and show how to fix problems.
///
/// Each line is ok, a warning or a problem, with the command or setting that fixes it. Sends the bridge a few harmless commands and
/// restores the avatar afterwards. Exit code 1 if there is a problem.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The model. Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// The bridge.
    #[command(flatten)]
    pub reach: BridgeConnectionArgs,
    /// Output format, printed to standard output.
    #[arg(long, value_enum, default_value_t = DoctorFormat::Table)]
    pub format: DoctorFormat,
}

/// Output formats of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// Text table.
    Table,
    /// JSON for programs.
    Json,
}
