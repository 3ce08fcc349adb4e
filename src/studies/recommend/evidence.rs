//! The runs that the rules use: those that were named, otherwise those of this machine and model, and what is measured because it
//! is missing.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jiff::{SignedDuration, Timestamp};

use super::super::LOCAL_RUNS;
use super::super::observer::Observer;
use super::facts::RecommendedModel;
use super::measuring::{Missing, measure};
use crate::bridge::Target;
use crate::failure::Failure;
use crate::host;
use crate::plan::RecommendPlan;
use crate::record::{Machine, RecordFolder, Run, RunState};

/// Saved runs that are older say little of a machine that has been updated since.
const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The runs, in the order of their starts, and what the reader must know of them.
pub(super) struct Evidence {
    pub(super) runs: Vec<Run>,
    pub(super) warnings: Vec<String>,
}

/// Reads, finds, measures.
pub(super) fn gather(
    plan: &RecommendPlan,
    model: Option<&RecommendedModel>,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<Evidence, Failure> {
    let machine = host::machine();
    let mut runs = if plan.from.is_empty() {
        let saved = local(Path::new(LOCAL_RUNS)).into_iter();
        saved.filter(|run| fits(run, &machine, model, plan.bridge.as_ref())).collect()
    } else {
        plan.from.iter().map(|path| RecordFolder::read(path)).collect::<Result<Vec<_>, _>>()?
    };
    let warnings = if plan.from.is_empty() { Vec::new() } else { from_elsewhere(&runs, &machine, model) };
    for warning in &warnings {
        observer.warning(warning);
    }
    if let Some(effort) = plan.effort {
        let missing = Missing::among(&runs, model.is_some());
        runs.extend(measure(plan, effort, missing, observer, stop)?);
    }
    runs.sort_by_key(|run| run.started);
    Ok(Evidence { runs, warnings })
}

/// All records of a folder that can be read. Anything else in it is ignored.
fn local(folder: &Path) -> Vec<Run> {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter_map(|path| RecordFolder::read(&path).ok()).collect()
}

/// Whether a saved run is recent, and of this machine, this model and such a bridge.
fn fits(run: &Run, machine: &Machine, model: Option<&RecommendedModel>, bridge: Option<&Target>) -> bool {
    let is_fresh = Timestamp::now().duration_since(run.started) < OLDEST;
    let is_of_here = run.machine.fingerprint == machine.fingerprint && run.build.profile == host::build().profile;
    if run.state != RunState::Complete || !is_fresh || !is_of_here {
        return false;
    }
    match run.command.as_str() {
        "threads" | "gpu-profiles" | "warmup" => {
            model.is_some_and(|model| run.subject["header_hash"] == model.facts.header_hash.as_str())
        }
        "ipc" => run.simulated.is_empty() != matches!(bridge, Some(Target::Embedded(_))),
        _ => false,
    }
}

/// Named runs of another machine or model. They are used all the same: the user asked for them.
fn from_elsewhere(runs: &[Run], machine: &Machine, model: Option<&RecommendedModel>) -> Vec<String> {
    let mut warnings = Vec::new();
    for run in runs {
        if run.machine.fingerprint != machine.fingerprint {
            warnings.push(format!("{} was measured on another machine", run.run_id));
        }
        let of = &run.subject["header_hash"];
        if let Some(model) = model.filter(|model| !of.is_null() && *of != model.facts.header_hash.as_str()) {
            warnings.push(format!("{} measured another model than {}", run.run_id, model.name()));
        }
    }
    warnings
}
