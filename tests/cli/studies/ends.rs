//! Every way in which a run can end: signals, a closed terminal, a full disk. It ends, and its record states how.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use workly_perf::record::{CaseState, RecordFolder, Run, RunState};

use crate::harness::run::{Outcome, Place};
use crate::harness::signal::signal;

fn record(place: &Place) -> Run {
    RecordFolder::read(&place.path("out")).unwrap()
}

/// A sleeping process to watch.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workly-perf"));
        command.args(["bridge", "--quiet", "--port", "0"]).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the line on a terminal that is closed after a while; returns the output of `close_terminal.py`.
fn on_closed_terminal(place: &Place, kind: &str, line: &str) -> serde_json::Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/close_terminal.py");
    let program = place.command(line);
    let mut python = Command::new("python3");
    python.arg(script).args([kind, "0.7"]).arg(program.get_program()).args(program.get_args());
    python.current_dir(place.path("")).env("WORKLY_PERF_NVML", "none").env("TERM", "xterm");
    let output = python.output().expect("python3 is available, as scripts/test ensures");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Regression: when the window was closed, ssh dropped or tmux killed, `watch` spun forever.
#[test]
fn closed_terminal_ends_the_view_and_completes_its_record() {
    let sleeper = Sleeper::start();
    let pid = sleeper.0.id();
    for (kind, line, state) in [
        ("HUP", "watch --interval 50ms --out out".to_owned(), RunState::Complete),
        ("nohup", "watch --interval 50ms --out out".to_owned(), RunState::Complete),
        ("nohup", "watch --interval 50ms --for 1h --out out".to_owned(), RunState::Interrupted),
        ("nohup", "watch --plain --interval 50ms --out out".to_owned(), RunState::Complete),
        ("HUP", format!("memory --pid {pid} --every 20ms --for 1h --out out"), RunState::Interrupted),
    ] {
        let place = Place::new();
        let ended = on_closed_terminal(&place, kind, &line);
        let code = if state == RunState::Complete { 0 } else { 130 };
        assert_eq!(ended["code"], code, "{kind} {line}: {ended}");
        assert!(ended["drawn"].as_u64().unwrap() > 0, "{ended}");
        let run = record(&place);
        assert_eq!(run.state, state, "{kind} {line}");
        assert!(run.finished.is_some());
        if state == RunState::Interrupted {
            let reason = run.reason.unwrap();
            let names = ["ended by SIGHUP", "ended by the closing of its terminal"];
            assert!(names.contains(&reason.as_str()), "{reason}");
            assert!(kind == "HUP" || reason == names[1], "{reason}");
        }
    }
}

#[test]
fn record_names_the_signal_that_ended_the_run() {
    let sleeper = Sleeper::start();
    let lines = [
        "watch --plain --interval 20ms --for 1h --out out".to_owned(),
        format!("memory --pid {} --every 20ms --for 1h --out out", sleeper.0.id()),
        "ipc --bridge embedded:fps=20 --messages 100000 --warmup 0 --out out".to_owned(),
        "ipc --bridge embedded:fps=20 --breakdown --messages 100000 --out out".to_owned(),
    ];
    for line in lines {
        for (name, says) in [("-HUP", "ended by SIGHUP"), ("-TERM", "ended by SIGTERM"), ("-INT", "ended by Ctrl-C")] {
            let place = Place::new();
            let mut command = place.command(&line);
            let mut child = quiet(command.env("WORKLY_PERF_NVML", "none"));
            until_recorded(&place);
            std::thread::sleep(std::time::Duration::from_millis(100));
            signal(name, child.id());
            // As `timeout` and shells do: the process is signalled, then its group, which counts as one request.
            signal(name, child.id());
            assert_eq!(child.wait().unwrap().code(), Some(130), "{line} {name}");
            let run = record(&place);
            assert_eq!((run.state, run.reason.as_deref()), (RunState::Interrupted, Some(says)), "{line}");
        }
    }
}

#[test]
fn hang_up_is_ignored_under_nohup() {
    let place = Place::new();
    let program = place.command("watch --plain --quiet --interval 20ms --for 700ms --out out");
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    let mut child = quiet(shell.current_dir(place.path("")).env("WORKLY_PERF_NVML", "none"));
    until_recorded(&place);
    signal("-HUP", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(record(&place).state, RunState::Complete);
}

fn quiet(command: &mut Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn until_recorded(place: &Place) {
    while RecordFolder::read(&place.path("out")).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// Regression: all cases were measured, but the run was marked interrupted.
#[test]
fn ctrl_c_while_restoring_the_avatar_keeps_the_run_complete() {
    let (sender, restoring) = std::sync::mpsc::channel();
    // 40 messages are measured; restoring the avatar is slow.
    let address = crate::bridge::faults::peculiar(move |index, stream| {
        if index == 40 {
            sender.send(()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(700));
        }
        let _ = std::io::Write::write_all(stream, b"{}\n");
    });
    let place = Place::new();
    let line = format!("ipc --bridge {address} --load closed --messages 20 --warmup 0 --timeout 2s --quiet --out out");
    let mut child = quiet(&mut place.command(&line));
    restoring.recv().unwrap();
    signal("-INT", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let run = record(&place);
    assert_eq!((run.state, run.reason), (RunState::Complete, None));
    assert!(run.cases.iter().all(|case| case.state == CaseState::Ok));
}

/// The program with a file size limit, which fails like a full disk. `prlimit` lifts it without privileges.
fn limited(place: &Place, bytes: usize, line: &str) -> Command {
    let program = place.command(line);
    let mut shell = Command::new("sh");
    // Blocks of 512 bytes; the signal that would end the process is ignored, so writing fails instead.
    let script = format!("trap '' XFSZ; ulimit -S -f {}; exec \"$@\"", bytes / 512);
    shell.args(["-c", &script, "sh"]).arg(program.get_program()).args(program.get_args());
    shell.current_dir(place.path("")).env("WORKLY_PERF_NVML", "none");
    shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

/// Waits for the warning and returns the rest of the output.
fn until_warned(child: &mut Child) -> BufReader<std::process::ChildStderr> {
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut all = String::new();
    while said.read_line(&mut all).unwrap() > 0 {
        if all.ends_with("retries with each save\n") {
            return said;
        }
    }
    panic!("there was no warning: {all}");
}

/// Regression: the disk was full, nothing was printed, and the record had no figures.
#[test]
fn full_disk_loses_no_figures_and_exits_with_5() {
    let place = Place::new();
    let line = "ipc --bridge embedded:fps=unpaced --load closed --messages 40 --warmup 0 --seed 1 --quiet --out out";
    // Between the sizes of a record without figures, also on a busy machine, and of one with them.
    let output = limited(&place, 8192, line).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let outcome = Outcome { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("received/closed/100B"), "the figures are printed: {}", outcome.stdout);
    assert_eq!(outcome.stderr.matches("the run continues").count(), 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("error: the record is incomplete: "), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: free some space"), "{}", outcome.stderr);
    let run = record(&place);
    assert_eq!(run.state, RunState::Failed);
    assert!(run.reason.unwrap().starts_with("the end of the run could not be written: "));
    assert_no_leftovers(&place);
}

#[test]
fn pending_files_are_written_once_space_is_free() {
    let place = Place::new();
    let line = "ipc --bridge embedded:fps=20 --load closed --messages 60 --warmup 0 --seed 1 --quiet --out out";
    let mut child = limited(&place, 6144, line).spawn().unwrap();
    let mut said = until_warned(&mut child);
    lift_limit(child.id());
    said.read_to_string(&mut String::new()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let run = record(&place);
    assert!(run.is_clean());
    let histograms = run.cases.iter().flat_map(|case| &case.histograms);
    assert!(
        histograms.clone().count() > 0 && histograms.clone().all(|files| place.path("out").join(&files.hlog).is_file())
    );
    assert!(place.path("out/summary.csv").is_file() && place.path("out/report.md").is_file());
    assert_no_leftovers(&place);
}

/// Regression: `memory --pid` died at a save although space had become free again.
#[test]
fn memory_watch_survives_a_temporarily_full_disk() {
    let (sleeper, place) = (Sleeper::start(), Place::new());
    let line = format!("memory --pid {} --every 5ms --quiet --out out", sleeper.0.id());
    let mut child = limited(&place, 6144, &line).spawn().unwrap();
    let mut said = until_warned(&mut child);
    lift_limit(child.id());
    signal("-INT", child.id());
    said.read_to_string(&mut String::new()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let run = record(&place);
    assert_eq!(run.state, RunState::Complete);
    let looks = run.cases[0].conditions["looks"].as_u64().unwrap();
    assert!(looks > 100, "readings from the time of the full disk are present: {looks}");
}

/// Regression: the history of all earlier runs was emptied, and then there was no space to write it again.
#[test]
fn compare_keeps_existing_files_on_a_full_disk() {
    use crate::harness::saved_runs::{saved, text};
    let place = Place::new();
    for (side, minute, middle) in [("base", 0, 10.0), ("new", 20, 12.0)] {
        place.write(&format!("{side}.csv"), &text(&saved(side, minute, middle)));
    }
    let line = "compare base.csv new.csv --write history=kept.csv --write json=kept.json";
    assert_eq!(place.run(line).code, Some(1));
    let kept = || ["kept.csv", "kept.json"].map(|name| std::fs::read_to_string(place.path(name)).unwrap());
    let before = kept();
    let output = limited(&place, 0, line).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("cannot write kept.json") && said.contains("hint: the verdict above is valid"), "{said}");
    assert!(!output.stdout.is_empty(), "the verdict is printed");
    assert_eq!(kept(), before);
    let left = std::fs::read_dir(place.path("")).unwrap().count();
    assert_eq!(left, 4, "no unfinished file is left behind");
    // With room again, a row is added to the history.
    assert_eq!(place.run(line).code, Some(1));
    assert_eq!(kept()[0].lines().count(), before[0].lines().count() + 1);
}

#[test]
fn csv_log_keeps_complete_rows_on_a_full_disk() {
    let place = Place::new();
    let line = "watch --plain --interval 5ms --csv looks.csv --out out";
    let mut child = limited(&place, 6144, line).spawn().unwrap();
    // A busy machine adds lines of events, which are marked with an asterisk and are not samples.
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut looks = lines.filter(|line| line.as_ref().is_ok_and(|line| !line.contains("Z * ")));
    assert_eq!(looks.by_ref().take(150).count(), 150, "the watch continues");
    let cut = std::fs::read_to_string(place.path("looks.csv")).unwrap();
    assert!(cut.len() <= 6144 && cut.ends_with('\n'), "{} bytes", cut.len());
    lift_limit(child.id());
    assert_eq!(looks.by_ref().take(20).count(), 20);
    signal("-INT", child.id());
    let shown = 170 + looks.count();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    let mut rows = csv::Reader::from_path(place.path("looks.csv")).unwrap();
    let machine = rows.records().filter(|row| &row.as_ref().unwrap()[2] == "machine").count();
    assert!(machine >= shown, "every displayed sample is in the log: {machine} of {shown}");
}

fn lift_limit(pid: u32) {
    let lifted = Command::new("prlimit").args(["--pid", &pid.to_string(), "--fsize=unlimited:unlimited"]).status();
    assert!(lifted.expect("prlimit from util-linux is available").success());
}

fn assert_no_leftovers(place: &Place) {
    for entry in std::fs::read_dir(place.path("out")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with('.'), "{name} was left behind");
    }
}
