//! Ctrl-C while placements are projected: the command ends with exit code 130 instead of completing the projection.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use workly_perf::record::{RecordFolder, RunState};

use crate::harness::run::Place;
use crate::harness::signal::interrupt;

fn started(place: &Place, line: &str) -> Child {
    let mut command = place.command(line);
    command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

#[test]
fn ctrl_c_ends_a_projection_for_several_cards() {
    let place = Place::new();
    // Far more contexts than are projected before the signal arrives.
    let contexts: Vec<String> = (1..=64).map(|step| (512 * step).to_string()).collect();
    let line = format!(
        "gpu-profiles --project --model synth:zephyr-7b@4711 --vram 4GiB,6GiB,8GiB --cache-type f16,q8_0,q4_0 \
         --ctx-size {} --quiet --out out",
        contexts.join(",")
    );
    let mut child = started(&place, &line);
    while RecordFolder::read(&place.path("out")).is_err() {
        assert!(child.try_wait().unwrap().is_none(), "{:?}", ended(child));
        pause();
    }
    interrupt(child.id());
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!((run.state, run.reason.as_deref()), (RunState::Interrupted, Some("ended by Ctrl-C")));
}

/// The signal arrives while the program reads a run from a pipe, which comes before its projections.
#[test]
fn ctrl_c_ends_the_projections_of_a_recommendation() {
    let place = Place::new();
    let pipe = place.path("run.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let line = "recommend --no-measure --model synth:zephyr-7b@4711 --vram 6 --from run.json --out out";
    let mut child = started(&place, line);
    // Opening a pipe to write then fails as long as nobody reads it.
    let without_waiting = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut writer = loop {
        match OpenOptions::new().write(true).custom_flags(without_waiting).open(&pipe) {
            Ok(writer) => break writer,
            Err(_) => assert!(child.try_wait().unwrap().is_none(), "{:?}", ended(child)),
        }
        pause();
    };
    interrupt(child.id());
    // Nothing shows when the program has received the signal.
    std::thread::sleep(Duration::from_secs(1));
    let run = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records/v1.1/run.json")).unwrap();
    writer.write_all(&run).unwrap();
    drop(writer);
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("error: ended by Ctrl-C: no recommendation was made"), "{said}");
    assert!(!place.path("out").exists(), "no recommendation is made");
}
