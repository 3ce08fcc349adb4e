//! From the process's arguments to its exit code.

use std::panic;
use std::process::ExitCode;

use clap::Parser;

use super::failure::Failure;
use super::{
    apply, bridge, compare, completions, doctor, gpu_profiles, history, ipc, memory, model, model_check, pipeline,
    recommend, render_load, report, stop, threads, warmup, watch,
};
use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::term::Printer;

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
        Command::Ipc(args) => ipc::run(args, printer, &*stop::listen()?),
        Command::Bridge(args) => bridge::run(args, printer, &*stop::listen()?),
        Command::Tap(args) => super::tap::run(args, printer, &*stop::listen()?),
        Command::Threads(args) => threads::run(args, printer, &*stop::listen()?),
        Command::Pipeline(args) => pipeline::run(args, printer, &*stop::listen()?),
        Command::Recommend(args) => recommend::run(args, printer, &*stop::listen()?),
        Command::Apply(args) => apply::run(args, printer),
        Command::Doctor(args) => doctor::run(args, printer, &*stop::listen()?),
        Command::Memory(args) => memory::run(args, printer, &*stop::listen()?),
        Command::Warmup(args) => warmup::run(args, printer, &*stop::listen()?),
        Command::WarmupStart(args) => warmup::run_start(args, printer, &stop::listen()?),
        Command::Watch(args) => watch::run(args, printer, &*stop::listen()?),
        Command::Model(args) => model::run(args, printer, &*stop::listen()?),
        Command::Compare(args) => compare::run(args, printer, &*stop::listen()?),
        Command::History(args) => history::run(args, printer),
        Command::Report(args) => report::run(args, printer),
        Command::Completions(args) => completions::run(args, printer),
        Command::GpuProfiles(args) => gpu_profiles::run(args, printer, &*stop::listen()?),
        Command::GpuPlacement(args) => gpu_profiles::run_placement(args, printer, &stop::listen()?),
        Command::ModelCheck(args) => model_check::run(args, printer, &stop::listen()?),
        Command::RenderLoad(args) => render_load::run(args, printer, &*stop::listen()?),
    }
}
