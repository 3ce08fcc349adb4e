//! `ipc` from the user's view: output, record, and state left behind.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::record::{CaseState, MetricStatus, RecordFolder, RunState, read_csv};

use crate::harness::run::{Place, case, figure, in_one_of_several_runs};

#[test]
fn default_run_measures_records_and_marks() {
    let place = Place::new();
    // Replies held by Nagle's algorithm are a separate finding with its own test.
    let (outcome, run) = place.ipc("--bridge embedded:fps=200,nodelay=on --messages 40 --warmup 3 --seed 1");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("SIMULATED"), "{}", outcome.stdout);
    assert_eq!(run.state, RunState::Complete);
    assert_eq!(run.simulated[0].what, "embedded bridge");
    assert_eq!(run.cases.len(), 10);
    assert!(run.findings[0].contains("n 40 and 40"), "{:?}", run.findings);
    // The explanation depends on how busy this machine is; on an idle one it is the wait for Unity's frame.
    let [frame, between] = ["wait for Unity's frame", "is queue, wait for the frame, and work"];
    assert!([frame, between].iter().any(|words| run.findings[1].contains(words)), "{:?}", run.findings);
    for case in &run.cases {
        assert_eq!(case.state, CaseState::Ok, "{}: {:?}", case.path, case.reason);
        let p50 = case.metric("p50").unwrap();
        assert_eq!((p50.n, p50.status), (40, MetricStatus::Ok));
        assert_eq!(case.metric("p99").unwrap().status, MetricStatus::TooFew);
        for file in &case.histograms {
            assert!(place.path("out").join(&file.hlog).is_file() && place.path("out").join(&file.hgrm).is_file());
        }
    }
    let rows = read_csv(&place.path("out/summary.csv")).unwrap();
    assert!(rows.iter().any(|row| row.case == "applied/closed/100B" && row.metric == "p50"));
    assert!(std::fs::read_to_string(place.path("out/summary.csv")).unwrap().contains("ok+simulated"));
    let report = std::fs::read_to_string(place.path("out/report.md")).unwrap();
    assert!(report.contains("SIMULATED") && report.contains("received/closed/4096B"));
}

#[test]
fn saved_run_is_shown_in_every_format() {
    let place = Place::new();
    let (_, run) = place.ipc("--bridge embedded:fps=unpaced --messages 30 --load closed");
    let shown = |format: &str| {
        let outcome = place.run(&format!("report out --format {format}"));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    assert_eq!(shown("md"), std::fs::read_to_string(place.path("out/report.md")).unwrap());
    assert_eq!(shown("csv"), std::fs::read_to_string(place.path("out/summary.csv")).unwrap());
    assert_eq!(shown("json"), std::fs::read_to_string(place.path("out/run.json")).unwrap());
    assert!(shown("table").contains("SIMULATED"));
    let html = shown("html");
    assert!(html.contains("<svg") && html.contains("SIMULATED") && html.contains(&run.cases[0].path));
}

#[test]
fn each_format_is_alone_on_standard_output() {
    let place = Place::new();
    let line = "ipc --bridge embedded:fps=unpaced --messages 20 --load closed --format";
    let csv = place.run(&format!("{line} csv"));
    assert!(
        csv.stdout.starts_with(
            "schema,run_id,command,case,metric,unit,value,n,spread,ci_low,ci_high,direction,status,started,"
        )
    );
    assert!(csv.stderr.contains("record: "), "{}", csv.stderr);
    let json: serde_json::Value = serde_json::from_str(&place.run(&format!("{line} json")).stdout).unwrap();
    assert_eq!(json["command"], "ipc");
    assert!(place.run(&format!("{line} md")).stdout.starts_with("> **SIMULATED"));
    // Three runs within about one second: each has a separate folder.
    assert_eq!(std::fs::read_dir(place.path("results/local")).unwrap().count(), 3);
}

#[test]
fn injected_delay_is_never_underestimated() {
    for (ack, delay_ms) in [("received", 5.0), ("applied", 20.0)] {
        let place = Place::new();
        let spec = format!("embedded:fps=unpaced,{ack}-delay={delay_ms}ms");
        let (outcome, run) = place.ipc(&format!("--bridge {spec} --messages 20 --warmup 2 --load closed"));
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let path = format!("{ack}/closed/100B");
        assert!(figure(&run, &path, "min").unwrap() >= delay_ms);
        let other = if ack == "received" { "applied" } else { "received" };
        assert!(
            figure(&run, &format!("{other}/closed/100B"), "min").unwrap() < delay_ms,
            "the other kind of reply is not delayed"
        );
    }
}

#[test]
fn avatar_state_is_restored() {
    let place = Place::new();
    let bridge = EmbeddedBridge::start("fps=unpaced".parse().unwrap(), 0).unwrap();
    let port = bridge.address().port();
    place.write("data/config.json", r#"{"avatar": {"auto_blink": {"enabled": true}}}"#);
    let outcome = place.run(&format!("ipc --bridge 127.0.0.1:{port} --messages 20 --load closed --quiet"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let avatar = bridge.avatar();
    assert!(avatar.auto_blink, "as configured");
    assert!(avatar.expressions.values().all(|&value| value == 0.0), "{avatar:?}");
    assert!(bridge.counters().received > 40);
    assert!(!outcome.stdout.contains("SIMULATED"), "the bridge is claimed to be Unity");
}

#[test]
fn embedded_bridge_serves_another_process() {
    let place = Place::new();
    let mut server =
        place.command("bridge --port 0 --fps 500").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    let (outcome, run) = place.ipc(&format!("--bridge {address} --messages 20 --load closed"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(run.subject["greeting"], "{}");
    assert_eq!(
        run.simulated[0].parameters, "dialect=stock,fps=500,nodelay=off",
        "marked as simulated even in another process"
    );
    #[cfg(unix)]
    {
        crate::harness::signal::interrupt(server.id());
        assert_eq!(server.wait().unwrap().code(), Some(0));
        let mut said = String::new();
        server.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("1 connection, "), "{said}");
    }
    #[cfg(not(unix))]
    server.kill().unwrap();
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_and_marks_measurements() {
    let place = Place::new();
    // *Applied* at 20 frames per second: slow enough to interrupt a case in progress.
    let bridge = EmbeddedBridge::start("fps=20".parse().unwrap(), 0).unwrap();
    let line = format!("ipc --bridge {} --messages 100000 --load closed", bridge.address());
    let mut child = place
        .command(&format!("{line} --warmup 0 --seed 1 --out out"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap());
    // The *received* case, first by the seed, ends; the *applied* one has just started.
    let mut lines = said.lines().map_while(Result::ok);
    let first = lines.find(|line| line.contains("1/2 ")).expect("the first case ends");
    assert!(first.contains("received/closed"), "{first}");
    let before = bridge.counters().replies_sent;
    while bridge.counters().replies_sent < before + 5 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    crate::harness::signal::interrupt(child.id());
    let mut table = String::new();
    child.stdout.take().unwrap().read_to_string(&mut table).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.state, RunState::Interrupted);
    assert_eq!(case(&run, "received/closed/100B").state, CaseState::Ok);
    let applied = case(&run, "applied/closed/100B");
    assert_eq!(applied.state, CaseState::Interrupted);
    assert_eq!(applied.metric("mean").unwrap().status, MetricStatus::Partial);
    assert!(applied.metric("mean").unwrap().n > 0);
    assert!(table.to_lowercase().contains("interrupted"), "{table}");
}

#[test]
fn closed_pipe_is_not_an_error() {
    let place = Place::new();
    let mut child = place
        .command("ipc --bridge embedded:fps=unpaced --messages 20 --load closed --format csv --quiet")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Blinking is off by default, in Unity and in the application, and cannot be queried.
#[test]
fn blinking_is_not_switched_on_without_configuration() {
    let place = Place::new();
    let bridge = EmbeddedBridge::start("fps=unpaced".parse().unwrap(), 0).unwrap();
    let line = format!("ipc --bridge {} --messages 20 --load closed --quiet", bridge.address());
    let outcome = place.run(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(!bridge.avatar().auto_blink);
    let said = format!("{}{}", outcome.stdout, outcome.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("sends set_auto_blink with enabled=false"), "{said}");
    assert!(said.contains("If blinking was on, switch it on again"), "{said}");
}

#[test]
fn fixed_rate_near_the_frame_rate_is_aliased() {
    in_one_of_several_runs(|seed| {
        let line = format!("--bridge embedded:fps=25,nodelay=on --messages 40 --load fixed:25 --seed {seed}");
        let (_, run) = Place::new().ipc(&line);
        let notes = &case(&run, "applied/fixed:25/100B").notes;
        if notes.iter().any(|note| note.starts_with("Aliasing: at")) { Ok(()) } else { Err(format!("{notes:?}")) }
    });
}

#[test]
fn instrumented_dialect_is_measured_by_id() {
    let place = Place::new();
    let (outcome, run) = place.ipc("--bridge embedded:dialect=instrumented,fps=200 --messages 30 --sizes 300");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(run.subject["dialect"], "instrumented");
    assert!(figure(&run, "applied/poisson:50/100B", "p50").is_some());
    assert!(figure(&run, "received/closed/300B", "p50").is_some());
}
