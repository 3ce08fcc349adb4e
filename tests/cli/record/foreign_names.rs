//! Text of other programs (process names, bridge errors) is shown, but is harmless in every output.

use std::process::{Child, Command, Stdio};

use crate::gate::files::is_harmful;
use crate::harness::run::{Outcome, Place};

/// Linux keeps 15 bytes of a process name.
const NAME: &str = "\u{1b}[2J\u{7}\u{202e}\u{fffe}|<";

/// A waiting process with that name.
struct Named(Child);

impl Named {
    fn start(place: &Place) -> Self {
        // Linux names a process after the link through which it was started.
        let program = place.path(NAME);
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_workly-perf"), &program).unwrap();
        let mut command = Command::new(program);
        command.args(["bridge", "--quiet", "--port", "0"]).stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(place: &Place, line: &str) -> Outcome {
    let mut command = place.command(line);
    let output = command.env("WORKLY_PERF_NVML", "none").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn assert_harmless(what: &str, text: &str) {
    assert!(!text.chars().any(is_harmful), "{what}: {text:?}");
}

#[test]
fn process_names_are_harmless_in_every_output() {
    let place = Place::new();
    let process = Named::start(&place);
    let pid = process.0.id();
    for line in [
        format!("watch --once --process {pid}"),
        format!("watch --plain --interval 10ms --for 50ms --process {pid} --csv samples.csv --out watched"),
        format!("memory --pid {pid} --every 10ms --for 100ms --out out"),
        "report watched --format table".to_owned(),
        "report watched --format md".to_owned(),
        "report watched --format html".to_owned(),
        "report watched --format csv".to_owned(),
        "report out --format table".to_owned(),
        "report out --format html".to_owned(),
    ] {
        let outcome = run(&place, &line);
        assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
        assert_harmless(&line, &outcome.stdout);
        assert_harmless(&line, &outcome.stderr);
    }
    let once = run(&place, &format!("watch --once --process {pid}"));
    assert!(once.stdout.contains("\\u001b[2J\\u0007\\u202e"), "the name is shown: {}", once.stdout);
    for file in ["samples.csv", "watched/summary.csv", "watched/report.md", "out/report.md", "out/summary.csv"] {
        assert_harmless(file, &std::fs::read_to_string(place.path(file)).unwrap());
    }
}

#[test]
fn bridge_errors_are_harmless_in_every_output() {
    let address = crate::bridge::faults::peculiar(|_, stream| {
        let refusal = "{\"error\":\"\\u001b]0;owned\\u0007\\u202e\\ufffe\\nhint: rm -r /\"}\n";
        let _ = std::io::Write::write_all(stream, refusal.as_bytes());
    });
    let place = Place::new();
    let line = format!("ipc --bridge {address} --load closed --messages 5 --warmup 0 --timeout 2s --out out");
    let outcome = run(&place, &line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("\\u001b]0;owned\\u0007\\u202e\\ufffe"), "it is quoted: {}", outcome.stderr);
    assert!(!outcome.stderr.lines().any(|line| line.starts_with("hint: rm")), "{}", outcome.stderr);
    assert_harmless("stderr", &outcome.stderr);
    assert_harmless("stdout", &outcome.stdout);
    for format in ["table", "md", "html", "csv"] {
        let shown = run(&place, &format!("report out --format {format}"));
        assert_harmless(format, &shown.stdout);
        assert_harmless(format, &shown.stderr);
    }
}
