//! The saved runs of this machine.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::recorder::LOCAL_RUNS;
use crate::host;
use crate::record::{Machine, RecordFolder, Run, RunState};

/// Older runs say little about a machine that has been updated since.
const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The complete and recent runs of this machine and build, in order of their start. Other files in the folder are
/// ignored.
pub(super) fn saved_runs_of(machine: &Machine) -> Vec<Run> {
    let folders = fs::read_dir(LOCAL_RUNS).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_usable = |run: &Run| {
        run.state == RunState::Complete
            && Timestamp::now().duration_since(run.started) < OLDEST
            && run.machine.fingerprint == machine.fingerprint
            && run.build.profile == host::build().profile
    };
    let read = |path: std::path::PathBuf| RecordFolder::read(Path::new(&path)).ok();
    let mut runs: Vec<Run> = folders.filter_map(read).filter(is_usable).collect();
    runs.sort_by_key(|run| run.started);
    runs
}
