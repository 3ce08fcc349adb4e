//! All checks, in reading order.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use super::super::observer::Observer;
use super::super::saved_runs::saved_runs_of;
use super::{backends, bridge, gpu, model, settings};
use crate::advise::checkup::{
    Check, ConfigFacts, EngineInUse, MachineFacts, check_backends, check_bridge, check_config, check_gpu,
    check_machine, check_measured_losses, check_model, check_profile_loss, check_settings, check_threads,
    check_unread_address,
};
use crate::advise::threads::later_rule;
use crate::failure::Failure;
use crate::host;
use crate::llm::{GpuProfile, ModelRef};
use crate::plan::{BridgeConnection, PlanError, usable_counts};
use crate::record::{Machine, Run};

/// What is checked besides the machine.
pub(crate) struct CheckScope<'a> {
    /// The named model.
    pub(crate) model: Option<&'a ModelRef>,
    /// The named configuration.
    pub(crate) config_path: Option<&'a Path>,
    /// What was found there.
    pub(crate) config: ConfigFacts,
    /// Its section `performance`, which `launch` puts into force; empty without one.
    pub(crate) section: Map<String, Value>,
    /// The bridge, or the reason why it cannot be checked.
    pub(crate) bridge: Result<BridgeConnection, PlanError>,
}

/// Checks everything.
pub(crate) fn check_up(
    checked: CheckScope<'_>,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Check>, Failure> {
    let CheckScope { config, section, .. } = checked;
    let machine = host::machine();
    let available_bytes = host::available_memory_bytes();
    let mut checks = check_machine(&MachineFacts {
        machine: &machine,
        openmp_pinning: host::openmp_pinning(),
        available_bytes: available_bytes.clone(),
        on_battery: host::on_battery(),
        build_warning: model::build_warning(),
        has_engine: cfg!(feature = "llama"),
    });
    checks.extend(check_backends(&backends::look()));
    checks.push(check_config(&config));
    let profile = profile_of(&config);
    let need = model::need((checked.model, checked.config_path), profile, observer, stop);
    checks.extend(check_model(need.as_ref().map_err(String::as_str), &available_bytes));
    checks.extend(check_gpu(&gpu::look(&machine), need.as_ref().ok()));
    checks.push(threads(profile, &machine));
    if let Ok(need) = &need {
        let of_model = |run: &Run| run.subject["header_hash"] == need.header_hash.as_str();
        let runs: Vec<Run> = saved_runs_of(&machine).into_iter().filter(of_model).collect();
        let app = EngineInUse::of_profile(&profile.name, profile.n_threads);
        let launched = EngineInUse::of_section(&section, &app);
        checks.extend(check_measured_losses(&runs, &[Some(app), launched].into_iter().flatten().collect::<Vec<_>>()));
        checks.extend(need.layers.and_then(|(layers, _)| check_profile_loss(&runs, &profile.name, layers)));
    }
    checks.extend(check_settings(&settings::look()));
    match checked.bridge {
        Ok(bridge_connection) => {
            checks.extend(bridge_connection.elsewhere.as_deref().map(check_unread_address));
            checks.extend(check_bridge(&bridge::look(bridge_connection, stop)?));
        }
        // An unreadable configuration names no bridge.
        Err(error) if matches!(config, ConfigFacts::Unusable { .. }) => {
            checks.push(Check::not_known("bridge", &error.to_string()));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(checks)
}

/// The profile in the configuration, otherwise the first of the application's.
fn profile_of(config: &ConfigFacts) -> &'static GpuProfile {
    GpuProfile::of_app(match config {
        ConfigFacts::Valid { gpu_profile, .. } => gpu_profile.as_deref(),
        _ => None,
    })
}

fn threads(profile: &GpuProfile, machine: &Machine) -> Check {
    let usable = machine.usable_cpus.value().or(machine.logical_cpus.value()).copied();
    let rule = usable.map(|_| {
        let (cores, cpus) = usable_counts(&host::topology());
        later_rule(cores, cpus)
    });
    check_threads(&profile.name, profile.n_threads, rule, usable)
}
