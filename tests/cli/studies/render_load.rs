//! The render-like load as a process: it renders, its frames are counted, and it ends with its parent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use workly_perf::clock::Clock;
use workly_perf::measure::{Calibration, Frame, RenderLoad, RenderLoadError, RenderSpec};

use crate::harness::run::Place;

const PROGRAM: &str = env!("CARGO_BIN_EXE_workly-perf");

/// A load started from this program.
fn load(spec: &str, clock: Clock) -> RenderLoad {
    let spec: RenderSpec = spec.parse().unwrap();
    RenderLoad::start_program(Path::new(PROGRAM), spec, clock).unwrap_or_else(|error| panic!("{error}"))
}

/// Waits until `count` frames have arrived since a given time.
fn await_frames(load: &RenderLoad, from_ns: u64, count: u64) {
    while load.frames_between(from_ns, u64::MAX).total < count {
        load.check().unwrap();
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn frames_arrive_until_the_load_ends() {
    let clock = Clock::start();
    let load = load("100:1ms:0.5ms", clock);
    assert!(load.calibration().iterations > 0 && load.calibration().ns > 0);
    let from_ns = clock.now_ns();
    await_frames(&load, from_ns, 10);
    let to_ns = clock.now_ns();
    assert!(to_ns - from_ns >= 80_000_000, "ten frames, the first of which may have been in flight");
    let frames = load.frames_between(from_ns, to_ns);
    assert!(frames.total >= 10 && frames.late <= frames.total, "{frames:?}");
    assert_eq!(frames.work_ns.len() as u64, frames.total);
    assert_eq!(load.frames_between(0, from_ns).total + frames.total, load.frames_between(0, to_ns).total);
    let process = load.process_id();
    drop(load);
    if cfg!(target_os = "linux") {
        assert!(!Path::new(&format!("/proc/{process}")).exists(), "process {process} is still running");
    }
}

#[test]
fn load_ends_without_its_parent() {
    let place = Place::new();
    let mut command = place.command("render-load --fps 200 --main 0.5ms");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().parse::<Calibration>().is_ok());
    for _ in 0..5 {
        assert!(lines.next().unwrap().parse::<Frame>().is_ok());
    }
    drop(child.stdin.take());
    assert!(lines.all(|line| line.parse::<Frame>().is_ok()), "complete lines to the end");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn load_ends_after_its_duration() {
    let place = Place::new();
    let mut command = place.command("render-load --fps 100 --main 0.5ms --for 1s");
    let clock = Clock::start();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Waiting for a process closes its standard input; taken here, it stays open until the process ends by itself.
    let input = child.stdin.take();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(clock.now_ns() >= 1_000_000_000);
    drop(input);
}

#[test]
fn death_of_the_load_is_noticed() {
    let clock = Clock::start();
    let load = load("100:0.5ms", clock);
    await_frames(&load, 0, 1);
    if cfg!(unix) {
        let killed = std::process::Command::new("kill").args(["-9", &load.process_id().to_string()]).status().unwrap();
        assert!(killed.success());
        while load.check().is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
        assert!(matches!(load.check(), Err(RenderLoadError::Ended { .. })));
    }
}

#[cfg(unix)]
#[test]
fn non_load_programs_are_named() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let start = |name: &str, script: &str| {
        place.write(name, &format!("#!/bin/sh\n{script}\n"));
        let program = place.path(name);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        RenderLoad::start_program(&program, RenderSpec::default(), Clock::start()).unwrap_err()
    };
    let ended = start("quits", "echo 'error: no such thing' >&2");
    assert!(matches!(&ended, RenderLoadError::Ended { said, .. } if said == "error: no such thing"), "{ended}");
    let garbled = start("chats", "echo hello; cat");
    assert!(matches!(&garbled, RenderLoadError::Garbled { line, .. } if line == "hello"), "{garbled}");
    let endless = start("floods", "head -c 1000 /dev/zero | tr '\\0' x; cat");
    assert!(matches!(&endless, RenderLoadError::Garbled { line, .. } if line.len() == 80), "{endless}");
}

#[test]
fn load_command_is_hidden_and_rejects_invalid_specs() {
    let place = Place::new();
    assert!(!place.run("--help").stdout.contains("render-load"));
    for (line, named) in [
        ("render-load --fps 0", "'0' is not a frame rate"),
        ("render-load --main 0", "it does nothing"),
        ("render-load --worker fast", "'fast'"),
        ("render-load --main 2s", "longer than a second"),
    ] {
        let outcome = place.run(line);
        assert_eq!(outcome.code, Some(2), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(named), "{line}: {}", outcome.stderr);
    }
}
