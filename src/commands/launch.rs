//! `workly-perf launch`.

use std::io;
use std::process::{Command, ExitStatus};

use super::apply::recommendation;
use crate::cli::LaunchArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::launch::{LaunchSession, Program, end_as};
use crate::plan::{LaunchPlan, LaunchSettings, SettingsSource};
use crate::studies::launch::{LaunchRun, Supervised};
use crate::term::Printer;

/// Starts the program, waits for its end, and ends as it did. Returns only what kept it from starting.
pub(super) fn run(args: &LaunchArgs, printer: Printer) -> Result<Exit, Failure> {
    let status = launched(args, printer)?;
    // Everything that the launch needed is gone by now: from here there is no way back.
    end_as(status)
}

fn launched(args: &LaunchArgs, printer: Printer) -> Result<ExitStatus, Failure> {
    let plan = LaunchPlan::resolve(args, settings(args, printer)?);
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(Failure::usage(anyhow::anyhow!("there is no command after --")));
    };
    tell_of_program(&Program::of(program, arguments), printer);
    let mut command = Command::new(program);
    command.args(arguments);
    let session = LaunchSession::prepare();
    if let Err(error) = &session {
        printer.warning(&format!("the program runs without the settings: {error}"));
    }
    let run = LaunchRun { plan: &plan, out: args.out.as_deref(), session: session.ok(), observer: printer };
    let started = Supervised::start(command, &run).map_err(|error| not_started(program, &error))?;
    run.follow(started)
}

/// The settings that are asked for. What is wrong with a configuration keeps nothing from running; a recommendation that was named
/// has to be one.
fn settings(args: &LaunchArgs, printer: Printer) -> Result<LaunchSettings, Failure> {
    if args.no_settings {
        return Ok(LaunchSettings::none());
    }
    if let Some(path) = &args.profile {
        return Ok(LaunchSettings::of(&recommendation(Some(path), printer)?));
    }
    let found = LaunchSettings::of_configuration(args).unwrap_or_else(|error| {
        printer.warning(&format!("the program runs without the settings: {error}"));
        LaunchSettings { source: SettingsSource::Configuration, ..LaunchSettings::none() }
    });
    if found.source == SettingsSource::None {
        printer.warning(
            "no configuration with a section performance was found: only TCP_NODELAY is set; workly-perf apply writes the section",
        );
    }
    Ok(found)
}

/// What can be told before the start of a program that the settings do not reach.
fn tell_of_program(program: &Program, printer: Printer) {
    match program {
        Program::Python => {}
        Program::Unread(why) => printer.warning(&format!(
            "the settings will not be in force: with {} Python does not load the shim; leave the option out",
            why.option()
        )),
        Program::Other => printer.warning(
            "this is not a Python interpreter: settings are in force only in a Python that it starts; a frozen application does \
             not load the shim (docs/LAUNCH.md says what its developer can do)",
        ),
    }
}

fn not_started(program: &std::ffi::OsStr, error: &io::Error) -> Failure {
    let failure = anyhow::anyhow!("cannot start {}: {error}", program.to_string_lossy());
    match error.kind() {
        io::ErrorKind::NotFound => Failure::lacking(failure).hint("check the command after --, and PATH"),
        _ => Failure::lacking(failure).hint("check the command after --"),
    }
}
