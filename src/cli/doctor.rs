//! `workly-perf doctor`.

use clap::{Args, ValueEnum};

use super::reach::ReachArgs;
use crate::llm::ModelRef;

/// Looks at everything that Workly needs, on one screen: machine, card, configuration, model, bridge.
///
/// Each line is ok, a warning or a problem, with the command or setting that mends it. The bridge is sent a few harmless commands, and
/// the avatar is left as it was found. Ends with 1 if there is a problem.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The model. Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// The bridge.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = DoctorFormat::Table)]
    pub format: DoctorFormat,
}

/// How the check-up is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// For eyes.
    Table,
    /// For programs.
    Json,
}
