//! `memory --pid` on programs with known memory use: leaks are found with their size, and nothing else is reported as
//! one.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState, Timeline};

use crate::harness::doubles::built;
use crate::harness::run::{Outcome, Place, figure};

/// The program of `tests/doubles/memory_user.rs`.
static DOUBLE: LazyLock<PathBuf> =
    LazyLock::new(|| built("memory_user.rs", &format!("memory_user{}", std::env::consts::EXE_SUFFIX), &["-O"]));

/// A double that waits for its first message; ended when dropped.
struct Double(Child);

impl Double {
    fn start(place: &Place, program: &Path, kind: &str, bytes: usize, messages: usize, pause_us: usize) -> Self {
        Self::logging(place, program, (kind, ""), bytes, messages, pause_us)
    }

    /// The same, with a mode for its log.
    fn logging(
        place: &Place,
        program: &Path,
        (kind, log): (&str, &str),
        bytes: usize,
        messages: usize,
        pause_us: usize,
    ) -> Self {
        place.write("messages.log", "of before\n");
        let mut command = Command::new(program);
        command.arg(kind).args([bytes, messages, pause_us].map(|number| number.to_string()));
        Self(command.arg(place.path("messages.log")).arg(log).stdin(Stdio::piped()).spawn().unwrap())
    }

    fn begin(&mut self) {
        self.0.stdin.take().unwrap().write_all(b"begin\n").unwrap();
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Watches a double from its first message to its end, and reads the record.
fn watched(kind: &str, bytes: usize, messages: usize) -> (Outcome, Run) {
    watched_with((kind, ""), bytes, messages)
}

/// The same, with a mode for its log.
pub(crate) fn watched_with(kind_and_log: (&str, &str), bytes: usize, messages: usize) -> (Outcome, Run) {
    let place = Place::new();
    let mut double = Double::logging(&place, &DOUBLE, kind_and_log, bytes, messages, 3_000);
    let line = format!("memory --pid {} --count-lines messages.log --every 5ms --quiet --out out", double.0.id());
    let watching = place.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while RecordFolder::read(&place.path("out")).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    double.begin();
    double.0.wait().unwrap();
    let output = watching.wait_with_output().unwrap();
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
    (outcome, run)
}

pub(crate) fn verdict(run: &Run) -> &str {
    run.cases[0].conditions["leak"]["verdict"].as_str().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn planted_leak_of_a_process_is_found_with_its_size() {
    for (bytes, messages) in [(1 << 10, 1_200), (10 << 10, 200), (1 << 20, 150)] {
        let (outcome, run) = watched("leak", bytes, messages);
        assert_eq!(outcome.code, Some(1), "{bytes}: {}\n{}", outcome.stdout, outcome.stderr);
        assert_eq!(verdict(&run), "leak", "{:?}", run.findings);
        let found = figure(&run, "watched/memory_user", "growth").unwrap();
        assert!((found / bytes as f64 - 1.0).abs() < 0.1, "{bytes}: {found}");
        assert!(run.findings[0].starts_with("LEAK: anonymous memory grows by"), "{:?}", run.findings);
        assert_eq!((run.state, run.cases[0].state), (RunState::Complete, CaseState::Ok));
        let timeline = Timeline::of(&run.cases[0]).unwrap();
        assert!(timeline.series.iter().any(|series| series.name == "messages"), "{timeline:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn stalled_message_count_is_never_no_leak() {
    // The first half is counted and retains almost nothing; the later leak is not counted.
    let (outcome, run) = watched_with(("jump", "silent"), 300 << 10, 400);
    assert_ne!(verdict(&run), "leak", "{}", outcome.stdout);
    let (outcome, run) = watched_with(("leak", "silent"), 100, 800);
    assert_eq!((outcome.code, verdict(&run)), (Some(0), "inconclusive"), "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(run.findings[0].contains("no message was counted in the last"), "{:?}", run.findings);
    // Another program's log.
    let place = Place::new();
    let mut double = Double::start(&place, &DOUBLE, "leak", 100 << 10, 100_000, 2_000);
    place.write("other.log", "nothing\n");
    double.begin();
    let pid = double.0.id();
    let line = format!("memory --pid {pid} --count-lines other.log --for 600ms --every 5ms --quiet --out out");
    let outcome = place.run(&line);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!((outcome.code, verdict(&run)), (Some(0), "inconclusive"), "{}\n{}", outcome.stdout, outcome.stderr);
    assert!(run.findings[0].contains("no message was counted in the"), "{:?}", run.findings);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_line_counting_watch() {
    let place = Place::new();
    place.write("messages.log", "one\n");
    let own = std::process::id();
    let line = format!("memory --pid {own} --count-lines messages.log --for 1h --every 20ms --quiet --out out");
    place.interrupted_once(&line, |_| true);
}

#[cfg(target_os = "linux")]
#[test]
fn non_leaks_are_not_reported_as_leaks() {
    for kind in ["sawtooth", "cache", "jump"] {
        let (outcome, run) = watched(kind, 300 << 10, 300);
        assert_eq!(outcome.code, Some(0), "{kind}: {}\n{}", outcome.stdout, outcome.stderr);
        assert_ne!(verdict(&run), "leak", "{kind}: {:?}", run.findings);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn twenty_runs_without_a_leak_raise_no_false_alarm() {
    let verdicts: Vec<_> = std::thread::scope(|scope| {
        let five = || (0..5).map(|_| verdict(&watched("still", 0, 150).1).to_owned()).collect::<Vec<_>>();
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(five)).collect();
        runs.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    assert_eq!(verdicts.len(), 20);
    assert!(verdicts.iter().all(|verdict| verdict != "leak"), "{verdicts:?}");
    let cleared = verdicts.iter().filter(|verdict| *verdict == "no_leak").count();
    assert!(cleared >= 15, "{verdicts:?}");
}

#[test]
fn process_that_ends_early_keeps_its_samples() {
    let place = Place::new();
    let mut double = Double::start(&place, &DOUBLE, "still", 0, 100, 5_000);
    double.begin();
    let outcome = place.run(&format!("memory --pid {} --for 1h --every 20ms --quiet --out out", double.0.id()));
    // The double is only waited for now: a process that has not been waited for has ended nevertheless.
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.state, RunState::Failed);
    assert!(run.reason.as_deref().unwrap().contains("ended: it was last seen at"), "{:?}", run.reason);
    let watched = format!("watched/memory_user{}", std::env::consts::EXE_SUFFIX);
    for metric in ["anonymous", "threads", "handles"] {
        assert!(figure(&run, &watched, metric).unwrap() > 0.0, "{metric}");
    }
    assert_eq!(run.cases[0].metric("anonymous").unwrap().status, MetricStatus::Partial);
    assert!(outcome.stdout.contains("INCOMPLETE"), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("error: process ") && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
}

#[test]
fn growth_is_judged_per_minute_without_messages() {
    let place = Place::new();
    let mut double = Double::start(&place, &DOUBLE, "leak", 100 << 10, 100_000, 2_000);
    double.begin();
    let line = format!("memory --pid {} --for 1500ms --every 10ms --quiet --out out", double.0.id());
    let outcome = place.run(&line);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    // On a busy machine the double's pace may be too uneven for a verdict; but it must not be cleared.
    assert_ne!(verdict(&run), "no_leak", "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.code, Some(i32::from(verdict(&run) == "leak")), "{}\n{}", outcome.stdout, outcome.stderr);
    let growth = run.cases[0].metric("growth").unwrap();
    assert_eq!(growth.unit, "bytes/minute");
    assert!(growth.value.is_none_or(|value| value > 10e6), "{growth:?}");
}

#[test]
fn process_name_must_be_unique() {
    let place = Place::new();
    let program = place.path(&format!("twin{}", std::env::consts::EXE_SUFFIX));
    std::fs::copy(&*DOUBLE, &program).unwrap();
    let none = place.run("memory --process twin --for 100ms --out none");
    assert_eq!(none.code, Some(3), "{}", none.stderr);
    assert!(none.stderr.contains("no process is called twin"), "{}", none.stderr);
    let first = Double::start(&place, &program, "still", 0, 1, 0);
    let one = place.run("memory --process TWIN --for 100ms --every 10ms --quiet --out one");
    assert_eq!(one.code, Some(0), "{}", one.stderr);
    let second = Double::start(&place, &program, "still", 0, 1, 0);
    let two = place.run("memory --process twin --for 100ms --out two");
    assert_eq!(two.code, Some(2), "{}", two.stderr);
    for pid in [first.0.id(), second.0.id()] {
        assert!(two.stderr.contains(&pid.to_string()), "{}", two.stderr);
    }
    assert!(two.stderr.contains("--pid"), "{}", two.stderr);
    assert!(!place.path("two").exists(), "nothing was measured");
}

#[test]
fn unwatchable_process_is_reported_with_a_hint() {
    let place = Place::new();
    for (line, code) in [
        ("memory --pid 4000000000", 3),
        ("memory --pid 1 --process a", 2),
        ("memory --pid 1 --messages 5", 2),
        ("memory --pid x", 2),
        ("memory --threshold 0", 2),
        ("memory --every 0s", 2),
    ] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
    }
    let own = std::process::id();
    let lines = place.run(&format!("memory --pid {own} --count-lines gone.log --out out"));
    assert_eq!(lines.code, Some(5), "{}", lines.stderr);
    assert!(lines.stderr.contains("gone.log") && lines.stderr.contains("hint"), "{}", lines.stderr);
}

/// Other users see less of process 1, and the report states what.
#[cfg(target_os = "linux")]
#[test]
fn other_users_process_shows_public_figures() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;
    let place = Place::new();
    std::fs::set_permissions(place.path("."), std::fs::Permissions::from_mode(0o777)).unwrap();
    let program = place.path("workly-perf");
    std::fs::copy(env!("CARGO_BIN_EXE_workly-perf"), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = "memory --pid 1 --for 200ms --every 20ms --quiet --out out";
    let mut command = Command::new(&program);
    command.args(line.split(' ')).current_dir(place.path("."));
    // Only root can become another user; anyone else already is one.
    if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{stderr}"));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(run.cases[0].metric("anonymous").unwrap().value.is_some());
    assert!(run.cases[0].metric("pss").unwrap().value.is_none());
    assert!(
        run.cases[0].notes[0].contains("permission denied: the process belongs to another user"),
        "{:?}",
        run.cases[0]
    );
}

#[test]
fn gpu_memory_is_per_process_or_total_or_missing() {
    use crate::harness::standin_nvml::Driver;

    let own = std::process::id();
    let line = format!("memory --pid {own} --vram --for 100ms --every 20ms --quiet --out out");
    let watched = |script: Option<String>| {
        let place = Place::new();
        let mut command = match script {
            Some(script) => place.command_with_gpu(Driver::Current, &script, &line),
            None => place.command(&line),
        };
        if command.get_envs().all(|(name, _)| name != "WORKLY_PERF_NVML") {
            command.env("WORKLY_PERF_NVML", "none");
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        RecordFolder::read(&place.path("out")).unwrap()
    };
    let figures = |run: &Run| {
        ["vram_process", "vram_whole_gpu"].map(|name| {
            let metric = run.cases[0].metric(name).unwrap();
            (metric.value, metric.status)
        })
    };
    let mib = |mib: u32| Some(f64::from(mib) * 1_048_576.0);
    let card = "gpu name=Card total=4096\nrow used=1000 reserved=24 use=1";
    // Two GPUs, both used by this process.
    let both = format!(
        "{card}\nprocess pid={own} used=300\nprocess pid=1 used=5\ngpu name=B total=2048\nrow used=100\nprocess pid={own} used=12"
    );
    let run = watched(Some(both));
    assert_eq!(figures(&run), [(mib(312), MetricStatus::Ok), (mib(1124), MetricStatus::Ok)]);
    let timeline = Timeline::of(&run.cases[0]).unwrap();
    assert!(timeline.series.iter().any(|series| series.name == "vram_process" && series.values[0] == mib(312)));
    assert!(run.findings.iter().any(|finding| finding.contains("that of all programs")), "{:?}", run.findings);
    // As on Windows, a process without GPU use, and a driver whose call fails.
    let run = watched(Some(format!("{card}\nprocess pid={own} used=none")));
    assert_eq!(figures(&run), [(None, MetricStatus::Unsupported), (mib(1024), MetricStatus::Ok)]);
    let run = watched(Some(format!("{card}\nprocess pid=1 used=5")));
    assert_eq!(figures(&run), [(None, MetricStatus::NotMeasured), (mib(1024), MetricStatus::Ok)]);
    let run = watched(Some("gpu name=Card total=4096\nrow used=1 fail=memory:999".into()));
    assert_eq!(figures(&run), [(None, MetricStatus::NotMeasured), (None, MetricStatus::Invalid)]);
    assert!(run.cases[0].notes.iter().any(|note| note.contains("GPU memory (")), "{:?}", run.cases[0].notes);
    // A GPU without memory of its own, as GB10.
    let run = watched(Some(format!("{card} fail=memory:3\nprocess pid={own} used=none")));
    assert_eq!(figures(&run), [(None, MetricStatus::Unsupported), (None, MetricStatus::Unsupported)]);
    let run = watched(None);
    assert!(figures(&run).iter().all(|(value, _)| value.is_none()), "{:?}", figures(&run));
    assert!(run.findings.iter().any(|finding| finding.contains("GPU memory is not available")), "{:?}", run.findings);
}
