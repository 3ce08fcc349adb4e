//! `workly-perf launch`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::parse_duration;

/// Start the application with the recommended settings in force.
///
/// The application reads one of the settings that `workly-perf apply` writes. This command starts the unmodified application with a
/// small Python shim that puts the others into force: it replaces arguments of `llama_cpp.Llama(...)`, lowers the priority of the
/// model's threads, and sets `TCP_NODELAY` on the connection to the bridge. Settings come from the section `performance` of the
/// configuration, or from --profile. Input, output, signals and the exit code are those of the application. Whatever is wrong with
/// the settings or the shim, the application runs, and a line on standard error says so.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Flags, as they are typed.
pub struct LaunchArgs {
    /// Workly's configuration. Default: data/config.json, here or beside the script that is started.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Use the settings of this `workly-perf recommend` run (its folder or recommendation.json) instead of the configuration's.
    #[arg(long, value_name = "RUN", conflicts_with_all = ["config", "no_settings"])]
    pub profile: Option<PathBuf>,
    /// Change nothing. With --measure this gives the figures before a change.
    #[arg(long)]
    pub no_settings: bool,
    /// The settings that are left out.
    #[command(flatten)]
    pub without: OmittedSettings,
    /// Record the messages between the application and Unity, as `workly-perf tap` does, without a change to either.
    #[arg(long)]
    pub tap: bool,
    /// Record each call of the model for this long, without its texts, for `report`, `compare` and `recommend --from`. Memory, GPU
    /// memory and the avatar's process are recorded beside the calls. The application runs on afterwards.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub measure: Option<Duration>,
    /// The avatar's process, by ID or name, whose use of the machine --measure records too. Default: a Unity player, or else Unity's
    /// editor.
    #[arg(long, value_name = "PROCESS", requires = "measure")]
    pub scene: Option<String>,
    /// Folder for the record of --measure; must be new or empty. Default: `results/local/<time>-launch`.
    #[arg(long, value_name = "DIR", requires = "measure")]
    pub out: Option<PathBuf>,
    /// The command line of the application, after `--`.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Settings that are left as the application has them.
#[derive(Debug, Default, Args)]
#[allow(clippy::struct_excessive_bools)] // Flags, as they are typed.
#[command(next_help_heading = "Leave a setting as the application has it")]
pub struct OmittedSettings {
    /// Threads for generation.
    #[arg(long)]
    pub no_n_threads: bool,
    /// Threads for prompts.
    #[arg(long)]
    pub no_n_threads_batch: bool,
    /// Context length.
    #[arg(long)]
    pub no_n_ctx: bool,
    /// Batch size.
    #[arg(long)]
    pub no_n_batch: bool,
    /// Layers on the GPU.
    #[arg(long)]
    pub no_n_gpu_layers: bool,
    /// Flash attention.
    #[arg(long)]
    pub no_flash_attn: bool,
    /// Type of the KV cache.
    #[arg(long)]
    pub no_kv_type: bool,
    /// Memory mapping of the model file.
    #[arg(long)]
    pub no_use_mmap: bool,
    /// Priority of the model's threads.
    #[arg(long)]
    pub no_priority: bool,
    /// Wait policy of OpenMP.
    #[arg(long)]
    pub no_wait_policy: bool,
    /// `TCP_NODELAY` on connections to the bridge.
    #[arg(long)]
    pub no_nodelay: bool,
}

impl OmittedSettings {
    /// The keys of the settings that are left out.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        let all = [
            (self.no_n_threads, "n_threads"),
            (self.no_n_threads_batch, "n_threads_batch"),
            (self.no_n_ctx, "n_ctx"),
            (self.no_n_batch, "n_batch"),
            (self.no_n_gpu_layers, "n_gpu_layers"),
            (self.no_flash_attn, "flash_attn"),
            (self.no_kv_type, "kv_type"),
            (self.no_use_mmap, "use_mmap"),
            (self.no_priority, "priority"),
            (self.no_wait_policy, "wait_policy"),
            (self.no_nodelay, "nodelay"),
        ];
        all.into_iter().filter(|(is_left_out, _)| *is_left_out).map(|(_, key)| key).collect()
    }
}
