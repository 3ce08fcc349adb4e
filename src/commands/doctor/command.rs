//! The outline of the command.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::apply::{UNPROVEN_AUTO, undo};
use super::super::report::{facts, show};
use super::page;
use crate::advise::checkup::{Check, CheckState, ConfigFacts};
use crate::cli::DoctorArgs;
use crate::config::{ConfigError, ConfigFile, Patch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan::{BridgeConnection, CurrentSettings, DEFAULT_CONFIG};
use crate::record::{SCHEMA, SchemaVersion};
use crate::studies::doctor::{CheckScope, check_up, self_test};
use crate::term::Printer;
use crate::text;

/// All results.
#[derive(Serialize)]
pub(super) struct DoctorReport {
    /// Version of the format, the same as for records.
    schema: SchemaVersion,
    /// Version of workly-perf.
    tool: &'static str,
    /// When.
    time: Timestamp,
    /// The worst of all checks.
    pub(super) state: CheckState,
    /// The checks.
    pub(super) checks: Vec<Check>,
}

/// Checks everything, prints it, and ends with 1 if there is a problem.
pub(in super::super) fn run(args: &DoctorArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let config_path = args.bridge_connection.config.as_deref();
    let checked = CheckScope {
        model: args.model.as_ref(),
        config_path,
        config: config_of(config_path),
        section: section_of(config_path),
        bridge: BridgeConnection::resolve(&args.bridge_connection).map(|(bridge_connection, _)| bridge_connection),
    };
    let checks = check_up(checked, &printer, stop)?;
    let state = checks.iter().map(|check| check.state).max().unwrap_or(CheckState::Ok);
    let check_up =
        DoctorReport { schema: SCHEMA, tool: env!("CARGO_PKG_VERSION"), time: Timestamp::now(), state, checks };
    let page = || {
        if args.report { page::report(&check_up, &self_test(stop)) } else { page::table(&check_up, printer.width()) }
    };
    show(&facts(args.format, &check_up, page)?, printer)?;
    Ok(if state == CheckState::Problem { Exit::Negative } else { Exit::Done })
}

/// The section `performance`, as `launch` finds it; empty where there is none that can be read.
fn section_of(given: Option<&Path>) -> Map<String, Value> {
    let file = ConfigFile::open(given.unwrap_or(Path::new(DEFAULT_CONFIG))).ok();
    CurrentSettings::of(file.as_ref()).performance
}

fn config_of(given: Option<&Path>) -> ConfigFacts {
    let path = given.unwrap_or(Path::new(DEFAULT_CONFIG));
    let opened = ConfigFile::open(path).and_then(|file| file.change(&Patch::default()).map(|_| file));
    match opened {
        Ok(file) if file.has_unproven_auto() => {
            ConfigFacts::Doubtful { path: text::path(path), reason: UNPROVEN_AUTO.into() }
        }
        Ok(file) => {
            let profile = file.value(&["ai", "gpu_profile"]).and_then(|value| value.as_str().map(String::from));
            ConfigFacts::Valid { path: text::path(path), gpu_profile: profile }
        }
        // A broken or circular link also counts as existing.
        Err(ConfigError::Read { .. }) if given.is_none() && path.symlink_metadata().is_err() => ConfigFacts::None,
        Err(error) => {
            ConfigFacts::Unusable { reason: error.to_string(), is_refused: error.is_refusal(), undo: undo(path) }
        }
    }
}
