//! The worker process of a placement when it crashes, hangs, is interrupted or abandoned. Each case gives a row or ends
//! the sweep, and no process is left behind, as listed by Linux.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use workly_perf::record::{CaseState, RecordFolder, Run, RunState};

use crate::harness::run::{Place, case};
use crate::harness::signal::signal;

/// A measurement that takes minutes unless it is ended.
const LONG: &str = "gpu-profiles --model tiny.gguf --layers 0,2 --ctx-size 60000 --prompt-tokens 16 --gen-tokens 50000 \
                    --threads 1 --repetitions 1 --quiet --out out";

/// Time limit for events that are merely awaited; long enough not to fail on slow machines.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `look` returns something.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Linux's state letter of a process and its parent's ID; `None` if it does not exist. Zombies count as gone.
fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut words = stat.rsplit_once(')')?.1.split_whitespace();
    let state = words.next()?.chars().next()?;
    let parent = words.next()?.parse().ok()?;
    (!matches!(state, 'Z' | 'X')).then_some((state, parent))
}

/// Running worker processes of a sweep.
fn children(sweep: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| state_and_parent(pid).is_some_and(|(_, parent)| parent == sweep)).collect()
}

/// A sweep that is measuring its first placement, and its worker process.
fn started(place: &Place, line: &str) -> (Child, u32) {
    let mut command = place.command(line);
    command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::null()).stderr(Stdio::piped());
    let sweep = command.spawn().unwrap();
    // The record is started before the first placement.
    wait_for("the record", || RecordFolder::read(&place.path("out")).ok());
    let child = wait_for("the process of a placement", || children(sweep.id()).first().copied());
    (sweep, child)
}

/// The end of a sweep: exit code and record. Its worker process must be gone by then.
fn ended(place: &Place, sweep: Child, child: u32) -> (Option<i32>, Run) {
    let output = sweep.wait_with_output().unwrap();
    assert!(state_and_parent(child).is_none(), "the placement's process was left behind");
    let said = String::from_utf8_lossy(&output.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{said}"));
    (output.status.code(), run)
}

/// Checks that the measured placement failed for this reason and the sweep continued to its end. Since nothing was
/// measured, the run failed.
fn is_a_row(run: &Run, says: &str) {
    let reason = Some("no placement could be measured");
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Failed, reason));
    let failed = case(run, "placement/ngl=0");
    assert_eq!((failed.state, &failed.conditions["status"]), (CaseState::Failed, &"failed".into()));
    assert!(failed.reason.as_ref().is_some_and(|reason| reason.contains(says)), "{:?}", failed.reason);
    assert!(failed.metrics.iter().all(|metric| metric.name != "load" || metric.value.is_none()), "{failed:?}");
    assert!(run.cases.iter().any(|case| case.path == "placement/ngl=2"), "the next placement has a row, too");
}

#[test]
fn aborted_or_killed_worker_is_a_row() {
    for (name, says) in
        [("-ABRT", "llama.cpp aborted the process (SIGABRT)"), ("-KILL", "as the system does when memory")]
    {
        let place = Place::with_tiny_model();
        let (sweep, child) = started(&place, LONG);
        signal(name, child);
        let (code, run) = ended(&place, sweep, child);
        assert_eq!(code, Some(4));
        is_a_row(&run, says);
    }
}

#[test]
fn late_worker_is_a_row() {
    let place = Place::with_tiny_model();
    let (sweep, child) = started(&place, &format!("{LONG} --timeout 300ms"));
    let (code, run) = ended(&place, sweep, child);
    assert_eq!(code, Some(4));
    is_a_row(&run, "no response within 0.3 s");
}

#[test]
fn hanging_worker_is_killed() {
    let place = Place::with_tiny_model();
    let (sweep, child) = started(&place, &format!("{LONG} --timeout 500ms"));
    signal("-STOP", child);
    let (code, run) = ended(&place, sweep, child);
    assert_eq!(code, Some(4));
    is_a_row(&run, "no response within 0.5 s");
}

#[test]
fn ctrl_c_ends_the_worker_and_keeps_results() {
    let place = Place::with_tiny_model();
    let (sweep, child) = started(&place, LONG);
    signal("-INT", sweep.id());
    let (code, run) = ended(&place, sweep, child);
    assert_eq!((code, run.state), (Some(130), RunState::Interrupted));
    assert!(run.cases.iter().any(|case| case.path == "placement/ngl=0"), "{:?}", run.cases);
}

#[test]
fn worker_of_a_killed_sweep_ends_by_itself() {
    let place = Place::with_tiny_model();
    let (mut sweep, child) = started(&place, LONG);
    sweep.kill().unwrap();
    sweep.wait().unwrap();
    wait_for("the end of the placement's process", || state_and_parent(child).is_none().then_some(()));
}
