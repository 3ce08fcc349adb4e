//! `workly-perf apply`.

use std::path::PathBuf;

use clap::Args;

/// Writes a recommendation into Workly's configuration.
///
/// The change is shown with what the application will make of it, and made after a yes. Only the recommended values change: all
/// else stays byte for byte. `ai.gpu_profile`, the one setting of these that the application reads, goes to its `ai` section, the
/// rest to a section `performance`, which the application keeps and nobody reads yet. The file as it was is kept, and --undo
/// brings it back.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Flags, as they are typed.
pub struct ApplyArgs {
    /// A run of `workly-perf recommend`, or its recommendation.json. Default: the newest in results/local.
    #[arg(value_name = "RUN")]
    pub recommendation: Option<PathBuf>,
    /// Workly's configuration.
    #[arg(long, value_name = "FILE", default_value = "data/config.json")]
    pub config: PathBuf,
    /// Remove a UTF-8 byte order mark too, over which the application refuses the whole file. Without this flag such a file is
    /// refused here as well.
    #[arg(long, conflicts_with_all = ["undo", "list"])]
    pub strip_bom: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub yes: bool,
    /// Only show the change: exit code 1 if there is one, 0 if the file already is as recommended.
    #[arg(long)]
    pub dry_run: bool,
    /// Bring a kept version back: the one before the last change, or version N of --list.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1",
          conflicts_with = "recommendation")]
    pub undo: Option<usize>,
    /// List the kept versions.
    #[arg(long, conflicts_with_all = ["recommendation", "undo", "yes", "dry_run"])]
    pub list: bool,
}
