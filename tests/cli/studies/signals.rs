//! The signal that ended a run is named.

use std::process::Stdio;
use std::time::{Duration, Instant};

use workly_perf::record::{RecordFolder, RunState};

use crate::harness::run::Place;

#[test]
fn run_names_the_signal_that_ended_it() {
    for (signal, named) in [("-INT", "ended by Ctrl-C"), ("-TERM", "ended by SIGTERM"), ("-HUP", "ended by SIGHUP")] {
        let place = Place::new();
        let line =
            "ipc --bridge embedded:received-delay=5ms --load closed --messages 100000 --warmup 0 --out out --quiet";
        let mut child = place.command(line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The record exists once signals are handled and the first case has started.
        let began = Instant::now();
        while !place.path("out/run.json").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "the run never started");
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_millis(200));
        crate::harness::signal::signal(signal, child.id());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        let run = RecordFolder::read(&place.path("out")).unwrap();
        assert_eq!(run.state, RunState::Interrupted);
        let reason = run.reason.unwrap();
        assert!(reason.starts_with(named), "{signal}: {reason}");
        let report = std::fs::read_to_string(place.path("out/report.md")).unwrap();
        assert!(report.contains(named), "{signal}: {report}");
    }
}
