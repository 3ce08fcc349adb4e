//! The program and what all of its commands share.

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    ApplyArgs, BridgeArgs, CompareArgs, DoctorArgs, GpuPlacementArgs, GpuProfilesArgs, HistoryArgs, IpcArgs,
    MemoryArgs, ModelArgs, PipelineArgs, RecommendArgs, RenderLoadArgs, ReportArgs, ThreadsArgs, WarmupArgs,
    WarmupStartArgs, WatchArgs,
};

/// Measures, explains and guards the speed of Workly: the way from a command to the avatar's face.
///
/// Every figure comes with n, spread and conditions. What a stand-in took part in says SIMULATED.
#[derive(Debug, Parser)]
#[command(name = "workly-perf", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// No progress and no notes: only the result, warnings and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure the round trip to the Unity bridge: received and applied.
    Ipc(IpcArgs),
    /// Run the embedded bridge as a server: a stand-in for Unity, to try things on.
    Bridge(BridgeArgs),
    /// Record what the application and Unity say to each other, and when.
    Tap(super::TapArgs),
    /// Find the thread counts that suit this machine as it is used.
    Threads(ThreadsArgs),
    /// Find how many layers go on the GPU: what fits beside Unity, and how fast it is.
    GpuProfiles(GpuProfilesArgs),
    /// Measure whole turns: from the sentence to the avatar's face, before and after.
    Pipeline(PipelineArgs),
    /// Recommend settings for this machine and model, from what was measured.
    Recommend(RecommendArgs),
    /// Write a recommendation into Workly's configuration, or undo that.
    Apply(ApplyArgs),
    /// Look at everything that Workly needs, and say what mends what.
    Doctor(DoctorArgs),
    /// Show what memory is used for, and whether it leaks.
    Memory(MemoryArgs),
    /// Measure the cold first reply against the warm one, and what warming saves.
    Warmup(WarmupArgs),
    /// Watch the GPU live, with Workly's and Unity's processes.
    Watch(WatchArgs),
    /// Look into model files, and write synthetic ones.
    Model(ModelArgs),
    /// Say whether new runs are slower than old ones: a gate for CI.
    Compare(CompareArgs),
    /// Show how figures developed over many runs, and where they changed.
    History(HistoryArgs),
    /// Show a saved run again, in any format.
    Report(ReportArgs),
    /// Print the completions for a shell.
    Completions(CompletionsArgs),
    /// Compete for the CPU as a Unity scene does, for commands that measure under load.
    #[command(hide = true)]
    RenderLoad(RenderLoadArgs),
    /// Measure one placement, for gpu-profiles, which starts this by itself.
    #[command(hide = true)]
    GpuPlacement(GpuPlacementArgs),
    /// Try a model file, for commands that are about to use it, which start this by themselves.
    #[command(hide = true)]
    ModelCheck(super::ModelCheckArgs),
    /// Measure one start, for warmup, which starts this by itself.
    #[command(hide = true)]
    WarmupStart(WarmupStartArgs),
}

/// `workly-perf completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// How a measuring command prints its result to standard output. The files of the record do not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For eyes.
    Table,
    /// Markdown: the text of report.md.
    Md,
    /// Tidy CSV, one row a figure: the text of summary.csv.
    Csv,
    /// The whole record: the text of run.json.
    Json,
}

/// How a command that measures tokens prints its result to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokenFormat {
    /// For eyes.
    Table,
    /// Markdown: the text of report.md.
    Md,
    /// Tidy CSV, one row a figure: the text of summary.csv.
    Csv,
    /// The whole record: the text of run.json.
    Json,
    /// The table that llama-bench prints.
    LlamaBench,
    /// The CSV that llama-bench prints.
    LlamaBenchCsv,
}

/// How `report` shows a saved run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RenderFormat {
    /// For eyes.
    Table,
    /// Markdown: the text of report.md.
    Md,
    /// Tidy CSV, one row a figure: the text of summary.csv.
    Csv,
    /// The whole record: the text of run.json.
    Json,
    /// The table that llama-bench prints, for runs of `threads`.
    LlamaBench,
    /// The CSV that llama-bench prints, for runs of `threads`.
    LlamaBenchCsv,
    /// One self-contained page with the distributions drawn.
    Html,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 done, negative verdict · 2 usage · 3 this machine lacks something \
(bridge, model, GPU) · 4 measurement failed or invalid · 5 a file is unreadable, corrupt or too new · 70 bug · \
130 interrupted, partial results kept";
