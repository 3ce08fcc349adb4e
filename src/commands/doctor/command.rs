//! The outline of the command.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use serde::Serialize;

use super::super::apply::{UNPROVEN_AUTO, undo};
use super::super::report::show;
use super::{bridge, card, model, page};
use crate::advise::checkup::{
    Check, CheckState, ConfigFacts, MachineFacts, check_bridge, check_card, check_config, check_machine, check_model,
    check_threads, check_unread_address,
};
use crate::advise::threads::later_rule;
use crate::cli::{DoctorArgs, DoctorFormat};
use crate::config::{ConfigError, ConfigFile, Patch};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::GpuProfile;
use crate::plan::{DEFAULT_CONFIG, Reach, usable_counts};
use crate::record::{Machine, SCHEMA, SchemaVersion};
use crate::term::Printer;

/// Everything that was found.
#[derive(Serialize)]
pub(super) struct CheckUp {
    /// Version of this shape: that of records.
    schema: SchemaVersion,
    /// Version of workly-perf.
    tool: &'static str,
    /// When.
    time: Timestamp,
    /// The worst of all lines.
    pub(super) state: CheckState,
    /// The lines.
    pub(super) checks: Vec<Check>,
}

/// Looks at everything, prints it, and ends with 1 if there is a problem.
pub(in super::super) fn run(args: &DoctorArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let machine = host::machine();
    let available_bytes = host::available_memory_bytes();
    let facts = MachineFacts {
        machine: &machine,
        available_bytes: available_bytes.clone(),
        on_battery: host::on_battery(),
        build_warning: model::build_warning(),
        has_engine: cfg!(feature = "llama"),
    };
    let mut checks = check_machine(&facts);

    let config = config_of(args.reach.config.as_deref());
    checks.push(check_config(&config));
    let profile = profile_of(&config);
    let need = model::need(args, profile, printer, stop);
    checks.extend(check_model(need.as_ref().map_err(String::as_str), &available_bytes));
    checks.extend(check_card(&card::look(&machine), need.as_ref().ok()));
    checks.push(threads(profile, &machine));
    // A configuration that nobody can read names no bridge: the usual address is looked at all the same.
    let reach = Reach::resolve(&args.reach).map(|(reach, _)| reach);
    match reach {
        Ok(reach) => {
            checks.extend(reach.elsewhere.as_deref().map(check_unread_address));
            checks.extend(check_bridge(&bridge::look(reach, stop)?));
        }
        Err(error) if matches!(config, ConfigFacts::Unusable { .. }) => {
            checks.push(Check::not_known("bridge", &error.to_string()));
        }
        Err(error) => return Err(error.into()),
    }

    let state = checks.iter().map(|check| check.state).max().unwrap_or(CheckState::Ok);
    let check_up = CheckUp { schema: SCHEMA, tool: env!("CARGO_PKG_VERSION"), time: Timestamp::now(), state, checks };
    let text = match args.format {
        DoctorFormat::Table => page::table(&check_up, printer.width()),
        DoctorFormat::Json => page::json(&check_up)?,
    };
    show(&text, printer)?;
    Ok(if state == CheckState::Problem { Exit::Negative } else { Exit::Done })
}

fn config_of(given: Option<&Path>) -> ConfigFacts {
    let path = given.unwrap_or(Path::new(DEFAULT_CONFIG));
    let opened = ConfigFile::open(path).and_then(|file| file.change(&Patch::default()).map(|_| file));
    match opened {
        Ok(file) if file.has_unproven_auto() => {
            ConfigFacts::Doubtful { path: path.display().to_string(), reason: UNPROVEN_AUTO.into() }
        }
        Ok(file) => {
            let profile = file.value(&["ai", "gpu_profile"]).and_then(|value| value.as_str().map(String::from));
            ConfigFacts::Valid { path: path.display().to_string(), gpu_profile: profile }
        }
        // A link that leads nowhere, or back to itself, is there all the same.
        Err(ConfigError::Read { .. }) if given.is_none() && path.symlink_metadata().is_err() => ConfigFacts::None,
        Err(error) => {
            ConfigFacts::Unusable { reason: error.to_string(), is_refused: error.is_refusal(), undo: undo(path) }
        }
    }
}

/// The profile of the configuration, else the first of the application's.
fn profile_of(config: &ConfigFacts) -> &'static GpuProfile {
    let named = match config {
        ConfigFacts::Valid { gpu_profile: Some(name), .. } => {
            GpuProfile::built_in().iter().find(|profile| profile.name == *name)
        }
        _ => None,
    };
    named.unwrap_or(&GpuProfile::built_in()[0])
}

fn threads(profile: &GpuProfile, machine: &Machine) -> Check {
    let usable = machine.usable_cpus.value().or(machine.logical_cpus.value()).copied();
    let rule = usable.map(|_| {
        let (cores, cpus) = usable_counts(&host::topology());
        later_rule(cores, cpus)
    });
    check_threads(&profile.name, profile.n_threads, rule, usable)
}
