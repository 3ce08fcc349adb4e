//! Running instances of Workly, and whether `launch` started them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::advise::checkup::{LaunchFacts, RunningWorkly};
use crate::host::{ProcessKind, ProcessTable, variable_of};
use crate::launch::{EVENTS_VARIABLE, ShimEvents};

/// All instances. Processes of one launch count once, such as Python's launcher and the Python that it starts.
pub(super) fn look() -> Vec<RunningWorkly> {
    let mut processes = ProcessTable::new();
    processes.refresh();
    let mut seen = BTreeSet::new();
    let mut running = Vec::new();
    for process in processes.of_workly().into_iter().filter(|process| process.kind == ProcessKind::Workly) {
        let pid = process.pid;
        let launch = match variable_of(pid, EVENTS_VARIABLE) {
            Err(reason) => LaunchFacts::NotKnown { reason },
            Ok(None) => LaunchFacts::ByItself,
            Ok(Some(path)) if seen.insert(path.clone()) => facts(Path::new(&path)),
            Ok(Some(_)) => continue,
        };
        running.push(RunningWorkly { pid, launch });
    }
    running
}

fn facts(path: &Path) -> LaunchFacts {
    let events = ShimEvents::read(path);
    match events.models.last() {
        Some(model) => LaunchFacts::Running { parameters: model.parameters.clone(), is_off: model.is_off },
        None if events.loaded.is_empty() => LaunchFacts::WithoutShim,
        None => LaunchFacts::NoModel,
    }
}
