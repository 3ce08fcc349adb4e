//! Weights are locked in memory as the application locks them, and a lock that the system refuses is not passed over.

use std::process::Command;

use serde_json::Value;
use workly_perf::record::{RecordFolder, Run, RunState};

use crate::harness::run::Place;

/// Commands that run a model, and where the record says whether it was locked. The first three take that from the application's
/// profile.
const LINES: [(&str, &str); 5] = [
    ("threads --depth 0 --prompt-tokens 8 --gen-tokens 4 --sweep 1 --repetitions 1 --under-load none", "/memory_lock"),
    (
        "pipeline --bridge embedded:fps=unpaced --turns 1 --reply-tokens 2 --under-load none --no-contention --after none",
        "/memory_lock/0",
    ),
    ("warmup --study lengths --length-runs 1 --threads 1 --n-ctx 256", ""),
    ("memory --mlock --messages 2 --reply-tokens 2 --threads 1 --n-ctx 512", "/memory_lock"),
    ("gpu-profiles --mlock --layers 0 --repetitions 1 --prompt-tokens 8 --gen-tokens 4 --threads 1 --ctx-size 256", ""),
];

fn record(place: &Place, out: &str) -> Run {
    let run = RecordFolder::read(&place.path(out)).unwrap();
    assert_eq!(run.state, RunState::Complete, "{:?}", run.reason);
    run
}

/// Warnings about a lock.
fn of_lock(run: &Run) -> Vec<&String> {
    run.warnings
        .iter()
        .filter(|warning| warning.contains("not locked in memory") || warning.contains("mlock"))
        .collect()
}

/// Runs the program as a process that may lock 64 KiB, like a user's without privileges.
fn refused(place: &Place, line: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let may_exceed = (u64::from_str_radix(effective.trim(), 16).unwrap() >> CAP_IPC_LOCK) & 1 == 1;
    let program = place.command(line);
    let mut limited = Command::new("prlimit");
    limited.arg("--memlock=65536:65536");
    if may_exceed {
        limited.args(["setpriv", "--bounding-set=-ipc_lock"]);
    }
    limited.arg(program.get_program()).args(program.get_args()).current_dir(place.path(""));
    let output = limited.output().expect("prlimit and setpriv are part of util-linux");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The number of the capability in Linux.
const CAP_IPC_LOCK: u32 = 14;

#[test]
fn refused_lock_is_a_warning_with_the_limit() {
    let place = Place::with_tiny_model();
    for (at, (line, path)) in LINES.iter().enumerate() {
        refused(&place, &format!("{line} --model tiny.gguf --quiet --out out{at}"));
        let run = record(&place, &format!("out{at}"));
        let warnings = of_lock(&run);
        assert_eq!(warnings.len(), 1, "{line}: {:?}", run.warnings);
        assert!(
            warnings[0].contains("failed to mlock") && warnings[0].contains("RLIMIT_MEMLOCK is 64 KiB"),
            "{warnings:?}"
        );
        if !path.is_empty() {
            let lock = run.subject.pointer(path).unwrap_or(&Value::Null);
            assert_eq!((&lock["state"], &lock["limit_bytes"]), (&"failed".into(), &65_536.into()), "{line}: {lock}");
        }
    }
}

#[test]
fn profile_of_the_configuration_decides_on_the_lock() {
    let place = Place::with_tiny_model();
    place.write("my.json", r#"{"ai": {"gpu_profile": "cpu_fallback"}}"#);
    for (at, (line, path)) in LINES.iter().take(3).enumerate() {
        refused(&place, &format!("{line} --model tiny.gguf --config my.json --quiet --out out{at}"));
        let run = record(&place, &format!("out{at}"));
        assert_eq!(of_lock(&run), Vec::<&String>::new(), "{line}: this profile locks nothing");
        if !path.is_empty() {
            assert_eq!(run.subject.pointer(path).unwrap()["state"], "not_requested", "{line}");
        }
    }
    let threads = record(&place, "out0");
    assert_eq!((&threads.plan["profile"], &threads.plan["use_mlock"]), (&"cpu_fallback".into(), &false.into()));
}
