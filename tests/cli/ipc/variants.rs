//! Comparison of ways to send, end to end: checked by structure, never by speed.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState};

use crate::harness::run::{Place, case, figure, in_one_of_several_runs};

const QUICK: &str = "--rounds 2 --messages 30 --warmup 2 --timeout 20s";

fn compared(line: &str) -> Run {
    let seed = if line.contains("--seed") { "" } else { "--seed 1" };
    let (outcome, run) = Place::new().ipc(&format!("{QUICK} {seed} {line}"));
    assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
    assert!(run.cases.iter().all(|case| case.state == CaseState::Ok), "{:?}", run.cases);
    assert!(!run.warnings.iter().any(|warning| warning.contains("could not be restored")), "{:?}", run.warnings);
    run
}

#[test]
fn ten_commands_take_ten_frames_one_by_one_and_one_as_a_batch() {
    let run = compared("--bridge embedded:dialect=instrumented,fps=60 --reaction 10");
    let frames = |way: &str| figure(&run, &format!("reaction/{way}:10"), "frames").unwrap();
    assert!(frames("request") >= 10.0, "each reply is one frame after the previous one: {}", frames("request"));
    assert_eq!(frames("batch"), 1.0);
    assert!(frames("pipelined") < frames("request"), "{}", frames("pipelined"));
    let mean = |way: &str| figure(&run, &format!("reaction/{way}:10"), "mean").unwrap();
    // Nine whole periods lie between the first and the last of ten frames.
    assert!(mean("request") >= 9.0 * 1_000.0 / 60.0, "{}", mean("request"));
    assert!(run.findings.iter().any(|finding| finding.contains("Frames per reaction")), "{:?}", run.findings);
    // Workly's way is the baseline: waiting for each reply is slower, and nothing is a gain.
    let app = case(&run, "reaction/app:1");
    assert!(app.conditions["baseline"].is_null() && app.conditions["applied_by"]["by"] == "reply", "{app:?}");
    assert_eq!(case(&run, "reaction/pipelined:10").conditions["baseline"], "reaction/app:1");
    assert!(figure(&run, "reaction/request:10", "mean_ratio").unwrap() > 1.0);
    assert!(
        run.findings.iter().any(|finding| finding.contains("does not wait for the bridge's reply")),
        "{:?}",
        run.findings
    );
    assert!(run.findings.iter().any(|finding| finding.contains("which Workly does not do")), "{:?}", run.findings);
}

#[cfg(target_os = "linux")]
#[test]
fn held_replies_of_pipelined_reactions_are_named() {
    in_one_of_several_runs(|seed| {
        let run = compared(&format!("--bridge embedded:fps=60 --reaction 10 --seed {seed}"));
        // One by one, each reply is acknowledged by the next message.
        assert!(case(&run, "reaction/request:10").metric("held_back").is_none());
        let share = case(&run, "reaction/pipelined:10").metric("held_back").and_then(|metric| metric.value);
        if share.is_none_or(|share| share < 20.0) {
            return Err(format!("{share:?} % held back"));
        }
        let named =
            |finding: &String| finding.contains("reaction/pipelined:10: in ") && finding.contains("TCP_NODELAY");
        assert!(run.findings.iter().any(named), "{:?}", run.findings);
        Ok(())
    });
}

#[test]
fn applications_command_is_exact_on_the_embedded_bridge_and_bounded_elsewhere() {
    let run = compared("--bridge embedded:fps=60 --reaction 3");
    let app = case(&run, "reaction/app:1");
    assert_eq!(app.conditions["applied_by"]["by"], "account");
    assert!(app.metric("mean").unwrap().value.is_some());
    // The others are timed by replies, which is not comparable, so there is no ratio.
    assert!(case(&run, "reaction/pipelined:3").metric("mean_ratio").is_none());

    let bridge = EmbeddedBridge::start("fps=100".parse().unwrap(), 0).unwrap();
    let run = compared(&format!("--bridge {} --reaction 3", bridge.address()));
    let app = case(&run, "reaction/app:1");
    assert_eq!(
        (&app.conditions["applied_by"]["by"], app.metric("mean").unwrap().status),
        (&"bounds".into(), MetricStatus::Unsupported)
    );
    let frame_ms = app.conditions["applied_by"]["frame_ms"].as_f64().unwrap();
    let (received, latest) =
        (figure(&run, "reaction/app:1", "received_mean"), figure(&run, "reaction/app:1", "applied_latest_mean"));
    assert!((latest.unwrap() - received.unwrap() - frame_ms).abs() < 1e-6, "{app:?}");
    assert!(run.findings.iter().any(|finding| finding.contains("this bridge does not report")), "{:?}", run.findings);
}

#[test]
fn batch_latency_includes_the_fill_wait() {
    let run = compared("--bridge embedded:dialect=instrumented,fps=200 --batch 1,10 --offered 100 --window 200ms");
    let of = |path: &str, metric: &str| figure(&run, path, metric).unwrap();
    assert_eq!(of("batch/1", "fill_wait_mean"), 0.0);
    assert_eq!(of("batch/1", "commands_per_message"), 1.0);
    // Ten arrivals at 100 per second span 90 ms on average; a command waits half of that.
    assert!(of("batch/10", "fill_wait_mean") > 20.0, "{}", of("batch/10", "fill_wait_mean"));
    assert!(of("batch/10", "mean") > of("batch/10", "fill_wait_mean"));
    assert!(of("batch/10", "mean_ratio") > 1.0);
    assert!(run.findings[0].contains("3 of 3 commands applied, in frame"), "{:?}", run.findings);
}

#[test]
fn acknowledged_but_unapplied_batch_has_no_command_figures() {
    for (dialect, evidence) in [("batch", "acknowledged before the frame"), ("stock", "only one of its commands")] {
        in_one_of_several_runs(|seed| {
            let run = compared(&format!("--bridge embedded:dialect={dialect},fps=60 --batch 1,5 --seed {seed}"));
            for metric in ["p50", "mean", "rate_applied"] {
                assert_eq!(case(&run, "batch/5").metric(metric).unwrap().status, MetricStatus::Unsupported, "{metric}");
            }
            assert!(figure(&run, "batch/5", "ack_mean").is_some());
            assert!(case(&run, "batch/5").metric("mean_ratio").is_none());
            assert!(figure(&run, "batch/1", "rate_applied").is_some());
            // On a busy machine the frames are too irregular to tell.
            if !run.findings[0].contains("NOT applied") || !run.findings[0].contains(evidence) {
                return Err(format!("{dialect}: {:?}", run.findings));
            }
            assert!(run.warnings.iter().any(|warning| warning.contains("not applied")), "{:?}", run.warnings);
            Ok(())
        });
    }
}

#[test]
fn bare_batch_is_inconclusive_without_frames() {
    in_one_of_several_runs(|seed| {
        let run = compared(&format!("--bridge embedded:dialect=batch,fps=unpaced --batch 1,5 --seed {seed}"));
        assert_eq!(case(&run, "batch/5").metric("rate_applied").unwrap().status, MetricStatus::Unsupported);
        // If this machine is busy, the main thread is late as if it waited for a frame.
        if run.findings[0].contains("is unknown") { Ok(()) } else { Err(format!("{:?}", run.findings)) }
    });
}

#[test]
fn fire_and_forget_messages_are_counted_at_the_barrier() {
    for dialect in ["stock", "instrumented", "founding"] {
        let run = compared(&format!("--bridge embedded:dialect={dialect},fps=200 --mode"));
        assert_eq!(figure(&run, "mode/fire-and-forget", "delivered"), Some(100.0), "{dialect}");
        assert!(figure(&run, "mode/fire-and-forget", "drain").unwrap() > 0.0);
        assert_eq!(case(&run, "mode/fire-and-forget").metric("p50").unwrap().status, MetricStatus::Unsupported);
        assert!(figure(&run, "mode/pipelined", "mean_ratio").is_some());
    }
}

#[test]
fn overloaded_way_is_reported() {
    let keeps_up = |run: &Run| -> Result<(), String> {
        let overloaded: Vec<_> =
            run.cases.iter().flat_map(|case| &case.notes).filter(|note| note.contains("Overloaded")).collect();
        if overloaded.is_empty() { Ok(()) } else { Err(format!("{overloaded:?}")) }
    };
    in_one_of_several_runs(|seed| {
        let mut run =
            compared(&format!("--bridge embedded:fps=30 --mode request,pipelined --offered 200 --seed {seed}"));
        let request = run.cases.iter().position(|case| case.path == "mode/request").unwrap();
        let request = run.cases.remove(request);
        assert!(request.notes.iter().any(|note| note.contains("Overloaded")), "{request:?}");
        keeps_up(&run)
    });
    // The fill wait of a batch is not overload, however short the round.
    in_one_of_several_runs(|seed| {
        let line = format!("--bridge embedded:dialect=instrumented,fps=200 --batch 1,30 --offered 300 --seed {seed}");
        keeps_up(&compared(&line))
    });
}

#[test]
fn codecs_carry_the_same_commands_with_the_same_framing() {
    let run = compared("--bridge embedded:dialect=instrumented,fps=unpaced --codec");
    for shape in ["expression", "blink", "head-movement", "batch-10", "load-model"] {
        let of = |codec: &str, metric: &str| figure(&run, &format!("codec/{codec}/{shape}"), metric).unwrap();
        assert!(of("msgpack", "bytes") < of("json", "bytes"), "{shape}");
        assert!(of("json", "encode") > 0.0 && of("msgpack", "decode") > 0.0);
        assert!(of("json", "p50") > 0.0 && of("msgpack", "p50") > 0.0, "{shape}");
    }
    assert_eq!(run.findings.iter().filter(|finding| finding.contains("end to end")).count(), 5);
}

#[test]
fn commands_that_change_an_avatar_are_not_sent_to_one() {
    let bridge = EmbeddedBridge::start("dialect=instrumented,fps=unpaced".parse().unwrap(), 0).unwrap();
    let before = bridge.avatar();
    let run = compared(&format!("--bridge {} --dialect instrumented --codec", bridge.address()));
    let after = bridge.avatar();
    assert_eq!((after.model, after.head_movement), (None, before.head_movement));
    let unsent = case(&run, "codec/json/load-model");
    assert_eq!(unsent.metric("p50").unwrap().status, MetricStatus::Unsupported);
    assert!(unsent.notes[0].contains("Not sent"), "{:?}", unsent.notes);
    assert!(figure(&run, "codec/json/load-model", "bytes").is_some());
}

#[test]
fn tcp_options_are_compared_on_received_replies() {
    let run = compared("--bridge embedded:fps=unpaced --tcp --offered 200");
    assert_eq!(run.cases.len(), 4);
    assert!(figure(&run, "tcp/nagle+split-writes", "p50_ratio").unwrap() > 0.0);
}

#[test]
fn only_batch_comparisons_send_unknown_commands_to_stock() {
    let bridge = EmbeddedBridge::start("fps=200".parse().unwrap(), 0).unwrap();
    for study in ["--mode", "--tcp", "--reaction"] {
        compared(&format!("--bridge {} {study} --offered 300", bridge.address()));
    }
    let counters = bridge.counters();
    assert_eq!((counters.ignored, counters.malformed), (0, 0));
    // A batch would be interpreted as its first command: every applied message was a separate one.
    assert_eq!(counters.applied, counters.received);
}

#[test]
fn dialect_without_the_compared_feature_is_rejected() {
    for (line, lacks) in [
        ("--bridge embedded --codec", "hello"),
        ("--bridge embedded:dialect=public-api --batch", "batches"),
        ("--bridge embedded --batch 1 --mode", "cannot be used with"),
        ("--bridge embedded --mode shouting", "fire-and-forget"),
        ("--bridge embedded --offered 0 --mode", "outside"),
    ] {
        let place = Place::new();
        let outcome = place.run(&format!("ipc --out out {line}"));
        assert_eq!(outcome.code, Some(2), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(lacks), "{line}: {}", outcome.stderr);
        assert!(!place.path("out").exists(), "{line}: no record of a run that did not start");
    }
}

#[test]
fn failed_round_costs_only_itself() {
    let place = Place::new();
    let line =
        "--bridge embedded:fps=unpaced,close-after=70 --mode request,pipelined --rounds 4 --messages 30 --warmup 0";
    let (outcome, run) = place.ipc(&format!("{line} --seed 1 --offered 500"));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let lossy: Vec<_> = run.cases.iter().filter(|case| case.state == CaseState::Lossy).collect();
    assert_eq!(lossy.len(), 1, "{:?}", run.cases);
    assert_eq!(lossy[0].metric("mean").unwrap().n, 3);
    assert_eq!(lossy[0].metric("mean").unwrap().status, MetricStatus::Partial);
}

#[test]
fn vanished_bridge_leaves_a_failed_run_with_its_data() {
    let place = Place::new();
    let bridge = EmbeddedBridge::start("fps=unpaced".parse().unwrap(), 0).unwrap();
    let line =
        format!("ipc --bridge {} --mode request,pipelined --rounds 500 --offered 300 --messages 30", bridge.address());
    let mut child = place
        .command(&format!("{line} --timeout 300ms --seed 1 --out out"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.contains("round 3/500: ")).expect("the third round ends");
    drop(bridge);
    let told: Vec<String> = lines.collect();
    assert_eq!(child.wait().unwrap().code(), Some(4), "{told:?}");
    assert!(told.iter().any(|line| line.contains("record: ")), "{told:?}");
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!((run.state, run.finished.is_some()), (RunState::Failed, true));
    assert!(run.reason.is_some());
    for path in ["mode/request", "mode/pipelined"] {
        let cut = case(&run, path);
        assert_eq!(cut.state, CaseState::Lossy, "{path}");
        assert!(cut.metric("mean").unwrap().n >= 3);
    }
}
