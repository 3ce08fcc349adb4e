//! `workly-perf doctor`.

use clap::Args;

use super::bridge_connection::BridgeConnectionArgs;
use super::format::{DEFAULT, fact_formats};
use crate::llm::ModelRef;
use crate::report::Format;

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
    pub bridge_connection: BridgeConnectionArgs,
    /// Print a block of Markdown to paste into an issue: version, machine, timers, console and all checks, with user names and home
    /// folders replaced. Takes some seconds more.
    #[arg(long, conflicts_with = "format")]
    pub report: bool,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = fact_formats("JSON for programs"), default_value = DEFAULT)]
    pub format: Format,
}
