//! The program and the arguments shared by its commands.

use clap::{Args, Parser, Subcommand};

use super::{
    ApplyArgs, BridgeArgs, CompareArgs, DoctorArgs, GpuPlacementArgs, GpuProfilesArgs, HistoryArgs, IpcArgs,
    MemoryArgs, ModelArgs, PipelineArgs, RecommendArgs, RenderLoadArgs, ReportArgs, ThreadsArgs, WarmupArgs,
    WarmupStartArgs, WatchArgs,
};

/// Measure and diagnose the performance of Workly, from the user's message to the avatar's expression.
///
/// Every figure has a sample size, a spread and the conditions it was measured under. Simulated results are marked SIMULATED.
#[derive(Debug, Parser)]
#[command(name = "workly-perf", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Print only the result, warnings and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Print more: the conditions and files of a run below its figures, and llama.cpp's log to standard error.
    #[arg(long, global = true)]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands. Each shows the help of its arguments: a doc comment here would replace that text, so only hidden commands have one.
#[derive(Debug, Subcommand)]
#[allow(missing_docs)]
pub enum Command {
    Ipc(IpcArgs),
    Bridge(BridgeArgs),
    Tap(super::TapArgs),
    Threads(ThreadsArgs),
    GpuProfiles(GpuProfilesArgs),
    Pipeline(PipelineArgs),
    Recommend(RecommendArgs),
    Apply(ApplyArgs),
    Launch(super::LaunchArgs),
    Doctor(DoctorArgs),
    Memory(MemoryArgs),
    Warmup(WarmupArgs),
    Watch(WatchArgs),
    Model(ModelArgs),
    Compare(CompareArgs),
    History(HistoryArgs),
    Report(ReportArgs),
    Completions(CompletionsArgs),
    /// Compete for the CPU like a Unity scene, for commands that measure under load.
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
    /// Measure repetitions, for threads, which starts this by itself.
    #[command(hide = true)]
    ThreadsWorker(super::ThreadsWorkerArgs),
    /// Answer messages, for pipeline, which starts this by itself.
    #[command(hide = true)]
    PipelineWorker(super::PipelineWorkerArgs),
}

/// Print shell completions.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 done, negative verdict · 2 usage error · 3 missing on this machine \
(bridge, model, GPU) · 4 measurement failed or invalid · 5 a file is unreadable, corrupt or too new · 70 bug · \
130 interrupted, partial results kept";
