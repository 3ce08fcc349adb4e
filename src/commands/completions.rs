//! `workly-perf completions`: shell completions from the command line's definition.

use anyhow::Context;
use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::term::Printer;

pub(super) fn run(args: &CompletionsArgs, printer: Printer) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "workly-perf", &mut script);
    printer
        .data(&String::from_utf8_lossy(&script))
        .context("cannot write to standard output")
        .map_err(|error| Failure::new(Exit::Unreadable, error))?;
    Ok(Exit::Done)
}
