//! From the process's arguments to its exit code.

use std::panic;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use super::failure::Failure;
use super::{
    apply, bridge, compare, completions, doctor, gpu_profiles, history, ipc, memory, model, pipeline, recommend,
    render_load, report, threads, warmup, watch,
};
use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::term::{Printer, restore_terminal};

/// Parses the command line, carries it out, and reports what went wrong. Never panics.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version come this way too, with code 0. Nobody can be told when printing fails.
            let _ = usage.print();
            return if usage.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let printer = Printer::new(cli.quiet);
    let outcome = panic::catch_unwind(|| dispatch(&cli.command, printer));
    match outcome {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            failure.tell(printer);
            failure.exit
        }
        Err(_) => {
            printer.error("this is a bug in workly-perf: please report it with the lines above");
            Exit::Bug
        }
    }
    .into()
}

fn dispatch(command: &Command, printer: Printer) -> Result<Exit, Failure> {
    match command {
        Command::Ipc(args) => ipc::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Bridge(args) => bridge::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Tap(args) => super::tap::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Threads(args) => threads::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Pipeline(args) => pipeline::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Recommend(args) => recommend::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Apply(args) => apply::run(args, printer),
        Command::Doctor(args) => doctor::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Memory(args) => memory::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Warmup(args) => warmup::run(args, printer, &*stop_on_ctrl_c()?),
        Command::WarmupStart(args) => warmup::run_start(args, printer, &stop_on_ctrl_c()?),
        Command::Watch(args) => watch::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Model(args) => model::run(args, printer, &*stop_on_ctrl_c()?),
        Command::Compare(args) => compare::run(args, printer, &*stop_on_ctrl_c()?),
        Command::History(args) => history::run(args, printer),
        Command::Report(args) => report::run(args, printer),
        Command::Completions(args) => completions::run(args, printer),
        Command::GpuProfiles(args) => gpu_profiles::run(args, printer, &*stop_on_ctrl_c()?),
        Command::GpuPlacement(args) => gpu_profiles::run_placement(args, printer, &stop_on_ctrl_c()?),
        Command::RenderLoad(args) => render_load::run(args, printer, &*stop_on_ctrl_c()?),
    }
}

/// A flag that the first Ctrl-C (or termination signal) raises; the second ends the process at once.
fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            restore_terminal();
            std::process::exit(Exit::Interrupted as i32);
        }
    })
    .map_err(|error| Failure::new(Exit::Bug, anyhow::Error::new(error).context("cannot listen for Ctrl-C")))?;
    Ok(stop)
}
