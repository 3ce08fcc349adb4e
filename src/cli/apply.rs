//! `workly-perf apply`.

use std::path::PathBuf;

use clap::Args;

/// Write a recommendation to Workly's configuration, or undo it.
///
/// Shows the change and its effect on the application, asks for confirmation, then writes. Only the recommended values change;
/// everything else stays byte for byte the same. `ai.gpu_profile`, the only one of these settings that the application reads, goes
/// to the `ai` section. The others go to a section `performance`, which the application preserves; `workly-perf launch` starts the
/// application with them in force. The previous file is kept; --undo restores it.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags.
pub struct ApplyArgs {
    /// Folder of a `workly-perf recommend` run, or its recommendation.json. Default: the newest in results/local.
    #[arg(value_name = "RUN")]
    pub recommendation: Option<PathBuf>,
    /// Workly's configuration.
    #[arg(long, value_name = "FILE", default_value = "data/config.json")]
    pub config: PathBuf,
    /// Also remove a UTF-8 byte order mark, which makes the application reject the whole file. Without this flag, such a file
    /// is refused.
    #[arg(long, conflicts_with_all = ["undo", "list"])]
    pub strip_bom: bool,
    /// Skip the confirmation prompt.
    #[arg(long, short)]
    pub yes: bool,
    /// Show the change without writing it. Exit code 1 if there is one, 0 if the file already matches the recommendation.
    #[arg(long)]
    pub dry_run: bool,
    /// Restore a kept version: the one before the last change, or version N of --list.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1",
          conflicts_with = "recommendation")]
    pub undo: Option<usize>,
    /// List the kept versions.
    #[arg(long, conflicts_with_all = ["recommendation", "undo", "yes", "dry_run"])]
    pub list: bool,
}
