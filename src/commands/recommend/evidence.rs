//! Which runs the rules are shown: those that were named, else the newest of this machine and model, and what is measured
//! because it is missing.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use jiff::{SignedDuration, Timestamp};

use super::facts::Named;
use super::measuring::{Depth, Missing, measure};
use crate::bridge::Target;
use crate::cli::RecommendArgs;
use crate::config::ConfigFile;
use crate::failure::Failure;
use crate::host;
use crate::record::{Machine, RecordFolder, Run, RunState};
use crate::studies::LOCAL_RUNS;
use crate::term::Printer;

/// Saved runs that are older say little of a machine that has been updated since.
const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The runs, in the order of their starts, and what must be known of them.
pub(super) struct Gathered {
    pub(super) runs: Vec<Run>,
    pub(super) warnings: Vec<String>,
}

/// Reads, finds, measures.
pub(super) fn gather(
    args: &RecommendArgs,
    model: Option<&Named>,
    config: Option<&ConfigFile>,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<Gathered, Failure> {
    let machine = host::machine();
    let mut runs = if args.from.is_empty() {
        local(Path::new(LOCAL_RUNS)).into_iter().filter(|run| fits(run, &machine, model, args)).collect()
    } else {
        args.from.iter().map(|path| RecordFolder::read(path)).collect::<Result<Vec<_>, _>>()?
    };
    let warnings = if args.from.is_empty() { Vec::new() } else { strangers(&runs, &machine, model) };
    for warning in &warnings {
        printer.warning(warning);
    }
    let depth = match (args.quick, args.thorough) {
        (true, _) => Some(Depth::Quick),
        (_, true) => Some(Depth::Thorough),
        _ => None,
    };
    if let Some(depth) = depth {
        let has = |command: &str, path: &str| {
            let is_it = |run: &Run| run.command == command && run.cases.iter().any(|case| case.path.starts_with(path));
            runs.iter().any(is_it)
        };
        let missing = Missing {
            lone_command: !has("ipc", "applied/poisson"),
            reaction: !has("ipc", "reaction/"),
            threads: !has("threads", "") && model.is_some(),
        };
        runs.extend(measure(args, depth, &missing, config, printer, stop)?);
    }
    runs.sort_by_key(|run| run.started);
    Ok(Gathered { runs, warnings })
}

/// All records of a folder that can be read. What is none, or of a newer version, is no reason to stop.
fn local(folder: &Path) -> Vec<Run> {
    let folders = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    folders.filter_map(|path| RecordFolder::read(&path).ok()).collect()
}

/// Whether a saved run speaks of this machine as it is, of this model and of such a bridge.
fn fits(run: &Run, machine: &Machine, model: Option<&Named>, args: &RecommendArgs) -> bool {
    let is_fresh = Timestamp::now().duration_since(run.started) < OLDEST;
    let is_of_here = run.machine.fingerprint == machine.fingerprint && run.build.profile == host::build().profile;
    if run.state != RunState::Complete || !is_fresh || !is_of_here {
        return false;
    }
    match run.command.as_str() {
        "threads" | "gpu-profiles" | "warmup" => {
            model.is_some_and(|model| run.subject["header_hash"] == model.facts.header_hash.as_str())
        }
        "ipc" => run.simulated.is_empty() != matches!(args.bridge, Some(Target::Embedded(_))),
        _ => false,
    }
}

/// What was named and is not of here. It is used all the same: that is why it was named.
fn strangers(runs: &[Run], machine: &Machine, model: Option<&Named>) -> Vec<String> {
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
