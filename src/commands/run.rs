//! From the process's arguments to its exit code.

use std::panic;
use std::process::ExitCode;

use clap::Parser;

use super::{
    apply, bridge, compare, completions, doctor, history, ipc, launch, memory, model, pipeline, recommend, render_load,
    report, stop, tap, watch,
};
#[cfg(feature = "llama")]
use super::{gpu_profiles, threads, warmup, worker};
use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::studies::about_this_program;
use crate::term::Printer;

/// Parses the command line, executes it, and reports errors. Never panics.
#[must_use]
pub fn run() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    crate::host::restore_affinity();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) if asked.kind() == clap::error::ErrorKind::DisplayVersion && is_verbose() => {
            let shown = report::show(&about_this_program(), Printer::new(false));
            return shown.map_or_else(|failure| failure.exit(), |()| Exit::Done).into();
        }
        Err(usage) => {
            // Help and version also end here, with code 0. If printing fails, there is no way to report it.
            let _ = usage.print();
            return if usage.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let printer = Printer::new(cli.quiet).with_details(cli.verbose);
    let outcome = panic::catch_unwind(|| dispatch(&cli.command, printer));
    match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            tell(&failure, printer);
            failure.exit()
        }
        Err(_) => {
            printer.error("this is a bug in workly-perf: please report it with the lines above");
            Exit::Bug
        }
    }
    .into()
}

/// Whether `--verbose` was given too. `--version` ends parsing, so it is looked for here.
fn is_verbose() -> bool {
    std::env::args_os().any(|argument| argument == "--verbose")
}

/// Prints the error, the hint, and the record with the figures measured so far.
pub(super) fn tell(failure: &Failure, printer: Printer) {
    printer.error(&failure.message());
    if let Some(advice) = failure.advice() {
        printer.hint(advice);
    }
    if let Some(record) = failure.record() {
        printer.record(record);
    }
}

/// Whether this program started the command itself and expects its outcome.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn is_worker(command: &Command) -> bool {
    matches!(
        command,
        Command::WarmupStart(_)
            | Command::ThreadsWorker(_)
            | Command::PipelineWorker(_)
            | Command::GpuPlacement(_)
            | Command::ModelCheck(_)
            | Command::RenderLoad(_)
    )
}

fn dispatch(command: &Command, printer: Printer) -> Result<Exit, Failure> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    if !is_worker(command) {
        stop::end_cleanly_where_a_mapped_file_is_lost();
    }
    match command {
        Command::Ipc(args) => ipc::run(args, printer, &*stop::listen()?),
        Command::Bridge(args) => bridge::run(args, printer, &*stop::listen()?),
        Command::Tap(args) => tap::run(args, printer, &*stop::listen()?),
        Command::Pipeline(args) => pipeline::run(args, printer, &*stop::listen()?),
        Command::Recommend(args) => recommend::run(args, printer, &*stop::listen()?),
        Command::Apply(args) => apply::run(args, printer),
        Command::Launch(args) => launch::run(args, printer),
        Command::Doctor(args) => doctor::run(args, printer, &*stop::listen()?),
        Command::Memory(args) => memory::run(args, printer, &*stop::listen()?),
        Command::Watch(args) => watch::run(args, printer, &*stop::listen()?),
        Command::Model(args) => model::run(args, printer, &*stop::listen()?),
        Command::Compare(args) => compare::run(args, printer, &*stop::listen()?),
        Command::History(args) => history::run(args, printer),
        Command::Report(args) => report::run(args, printer),
        Command::Completions(args) => completions::run(args, printer),
        Command::RenderLoad(args) => render_load::run(args, printer, &*stop::listen()?),
        Command::Threads(_)
        | Command::Warmup(_)
        | Command::GpuProfiles(_)
        | Command::WarmupStart(_)
        | Command::ThreadsWorker(_)
        | Command::PipelineWorker(_)
        | Command::GpuPlacement(_)
        | Command::ModelCheck(_) => dispatch_engine(command, printer),
    }
}

/// The commands that run a model.
#[cfg(feature = "llama")]
fn dispatch_engine(command: &Command, printer: Printer) -> Result<Exit, Failure> {
    match command {
        Command::Threads(args) => threads::run(args, printer, &*stop::listen()?),
        Command::Warmup(args) => warmup::run(args, printer, &*stop::listen()?),
        Command::GpuProfiles(args) => gpu_profiles::run(args, printer, &*stop::listen()?),
        Command::WarmupStart(_) => worker::warmup_start(printer, &stop::listen()?),
        Command::ThreadsWorker(_) => worker::threads(printer, &*stop::listen()?),
        Command::PipelineWorker(_) => worker::pipeline(printer, &stop::listen()?),
        Command::GpuPlacement(_) => worker::gpu_placement(printer, &stop::listen()?),
        Command::ModelCheck(_) => worker::model_check(printer, &stop::listen()?),
        _ => Err(Failure::bug(anyhow::anyhow!("this command does not run a model"))),
    }
}

/// Refuses: this build cannot run models.
#[cfg(not(feature = "llama"))]
fn dispatch_engine(_: &Command, _: Printer) -> Result<Exit, Failure> {
    Err(Failure::lacking(anyhow::anyhow!("this build of workly-perf has no llama.cpp"))
        .hint("build with the default features: cargo build --release"))
}
