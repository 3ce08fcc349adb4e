//! A model file that is truncated while its weights are mapped: the run ends, names the file, and its record states the
//! reason.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use workly_perf::record::{RecordFolder, Run, RunState};

use crate::harness::run::Place;

/// Starts a command with its own model and waits until the record has this many cases.
fn started(place: &Place, line: &str, cases: usize) -> Child {
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    let line = format!("{line} --model tiny.gguf --quiet --out out");
    let mut child = place.command(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !RecordFolder::read(&place.path("out")).is_ok_and(|run| run.cases.len() >= cases) {
        assert!(child.try_wait().unwrap().is_none(), "{:?}", child.wait_with_output());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(RecordFolder::read(&place.path("out")).unwrap().state, RunState::Running);
    child
}

fn ended(place: &Place, child: Child) -> (Output, String, Run) {
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr, RecordFolder::read(&place.path("out")).unwrap())
}

#[test]
fn truncated_model_ends_the_run_by_name() {
    for (line, cases) in [
        ("threads --prompt-tokens 16 --gen-tokens 12 --sweep 1,2 --repetitions 10000 --under-load none", 2),
        ("memory --messages 100000 --reply-tokens 2 --threads 1 --n-ctx 256", 7),
    ] {
        let place = Place::new();
        let child = started(&place, line, cases);
        std::fs::OpenOptions::new().write(true).open(place.path("tiny.gguf")).unwrap().set_len(4_096).unwrap();
        let (output, stderr, run) = ended(&place, child);
        assert_eq!(output.status.code(), Some(5), "{line}: {:?} {stderr}", output.status);
        let says = "tiny.gguf was truncated, or its storage failed, while it was in use";
        assert!(stderr.contains("error: ") && stderr.contains(says) && stderr.contains("hint: "), "{stderr}");
        assert_eq!(run.state, RunState::Failed, "{line}");
        assert!(run.reason.as_deref().unwrap().ends_with(says), "{:?}", run.reason);
        assert!(run.finished.is_some() && run.cases.len() >= cases, "saved data stays valid: {:?}", run.cases);
        let report = std::fs::read_to_string(place.path("out/report.md")).unwrap();
        assert!(report.contains(says), "{report}");
        assert!(!place.path("out/.reserve").exists());
    }
}

/// No file was lost: the signal has its usual effect.
#[test]
fn external_sigbus_ends_the_process_by_that_signal() {
    let place = Place::new();
    let child = started(&place, "memory --messages 100000 --reply-tokens 2 --threads 1 --n-ctx 256", 7);
    let pid = child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-BUS", &pid]).status().unwrap().success());
    let (output, stderr, run) = ended(&place, child);
    assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{:?} {stderr}", output.status);
    assert!(!stderr.contains("was truncated"), "{stderr}");
    assert_eq!(run.state, RunState::Running, "as after any signal that leaves no time");
}
