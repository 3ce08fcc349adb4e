//! `ipc --replay`: a tapped session, replayed at its own pace, without destructive commands.

use std::fmt::Write as _;
#[cfg(unix)]
use std::process::Stdio;

use serde_json::{Value, json};
use workly_perf::bridge::server::{BridgeSpec, EmbeddedBridge};
use workly_perf::record::{Case, CaseState};

use crate::harness::run::{Place, case, figure, in_one_of_several_runs};
use crate::studies::tap::Tap;

/// A session file as written by a tap: each message of the application with its time in milliseconds.
pub(crate) fn session(place: &Place, messages: &[(u64, Value)], with_payload: bool) {
    let head = json!({"kind": "workly-perf session", "version": 1, "run_id": "tapped", "started": "2026-01-02T03:04:05Z",
        "with_payload": with_payload});
    let mut text = format!("{head}\n{{\"at_ns\":1,\"event\":\"connected\",\"connection\":1}}\n");
    for (at_ms, message) in messages {
        let content = message.to_string();
        let mut line = json!({"at_ns": 5_000_000 + at_ms * 1_000_000, "event": "message", "connection": 1, "from": "app",
            "bytes": content.len() + 1, "framing": "lines", "command": message["command"]});
        if with_payload {
            line["payload"] = content.into();
        }
        writeln!(text, "{line}").unwrap();
        writeln!(text, r#"{{"at_ns":9,"event":"message","connection":1,"from":"unity","bytes":3,"framing":"lines","command":"{{}}"}}"#)
            .unwrap();
    }
    place.write("session.jsonl", &text);
}

pub(crate) fn expression(name: &str) -> Value {
    json!({"command": "set_expression", "data": {"name": name, "value": 0.5}})
}

#[test]
fn session_with_content_is_replayed_unchanged_at_its_pace() {
    let place = Place::new();
    let blink = json!({"command": "set_auto_blink", "data": {"enabled": true}});
    let messages: Vec<(u64, Value)> =
        (0..12).map(|turn| (turn * 50, if turn % 3 == 2 { blink.clone() } else { expression("joy") })).collect();
    session(&place, &messages, true);
    let file = place.path("session.jsonl");
    in_one_of_several_runs(|_| {
        let bridge = EmbeddedBridge::start("fps=200".parse::<BridgeSpec>().unwrap(), 0).unwrap();
        let line = format!("--bridge {} --replay {}", bridge.address(), file.display());
        let (outcome, run) = Place::new().ipc(&line);
        assert_eq!(run.plan["as_recorded"], 12);
        // The twelve messages, and the one that resets the expressions.
        assert_eq!(bridge.counters().received, 13);
        assert!(bridge.avatar().expressions.is_empty());
        let [received, applied] = ["replay/received", "replay/applied"].map(|path| case(&run, path));
        assert!(received.duration_s >= 0.55, "not earlier than recorded");
        assert_eq!(figure(&run, "replay/received", "lost"), Some(0.0));
        // A reply that took more than 50 ms overlapped with the next message, and may be of either kind.
        if figure(&run, "replay/applied", "unassigned") != Some(0.0) {
            return Err(format!("{received:?} {applied:?}"));
        }
        assert_eq!((outcome.code, received.state), (Some(0), CaseState::Ok), "{}", outcome.stderr);
        let n = |case: &Case| case.metric("p50").unwrap().n;
        assert_eq!((n(received), n(applied)), (8, 4));
        Ok(())
    });
}

#[test]
fn session_without_content_is_replayed_with_harmless_messages() {
    let place = Place::new();
    session(
        &place,
        &[(0, expression(&"x".repeat(300))), (2_000, expression("joy")), (2_001, json!({"command": "other"}))],
        false,
    );
    let bridge = EmbeddedBridge::start("fps=200".parse::<BridgeSpec>().unwrap(), 0).unwrap();
    let (outcome, run) = place.ipc(&format!("--bridge {} --replay session.jsonl --speed 100", bridge.address()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(case(&run, "replay/received").metric("p50").unwrap().n, 3);
    assert!(
        run.warnings.iter().any(|warning| warning.starts_with("3 messages were replaced by harmless")),
        "{:?}",
        run.warnings
    );
    assert!(run.warnings.iter().any(|warning| warning.contains("larger than the originals")), "{:?}", run.warnings);
    // A hundred times as fast as the original two seconds.
    assert!(case(&run, "replay/received").duration_s >= 0.02);
    assert!(case(&run, "replay/received").duration_s < 2.0, "as fast as requested");
    let counters = bridge.counters();
    assert_eq!((counters.ignored, counters.malformed), (0, 0), "nothing unknown to the bridge");
}

#[test]
fn destructive_commands_are_omitted_unless_requested() {
    let place = Place::new();
    let load = |path: &str| json!({"command": "load_model", "data": {"path": path}});
    let batch = json!({"command": "batch", "data": {"commands": [{"command": "unload_model"}], "count": 1}});
    session(
        &place,
        &[
            (0, load("a.vrm")),
            (1, json!({"command": "unload_model"})),
            (2, batch),
            (3, expression("joy")),
            (4, load("b.vrm")),
        ],
        true,
    );
    for (flag, model) in [("", None), ("--replay-destructive", Some("b.vrm"))] {
        let bridge = EmbeddedBridge::start("fps=200".parse::<BridgeSpec>().unwrap(), 0).unwrap();
        let fresh = Place::new();
        let file = place.path("session.jsonl");
        let (outcome, run) = fresh.ipc(&format!("--bridge {} --replay {} {flag}", bridge.address(), file.display()));
        assert_eq!(run.plan["left_out"], if model.is_some() { 0 } else { 4 }, "{}", outcome.stderr);
        assert_eq!(bridge.avatar().model.as_deref(), model);
    }
}

#[test]
fn session_ids_match_their_replies() {
    let place = Place::new();
    // The same ids twice, as from two connections, and a text id.
    let id = |turn: u64| if turn == 9 { json!("a-word") } else { json!(100 + turn % 5) };
    let name = |turn: u64| if turn.is_multiple_of(2) { "reset_expressions" } else { "set_auto_blink" };
    let message = |turn| json!({"command": name(turn), "data": {"enabled": true}, "id": id(turn)});
    let mut messages: Vec<(u64, Value)> = (0..10).map(|turn| (turn, message(turn))).collect();
    for (turn, ack) in [(10, "applied"), (11, "none")] {
        messages.push((turn, json!({"command": "reset_expressions", "ack": ack})));
    }
    session(&place, &messages, true);
    let (outcome, run) = place.ipc("--bridge embedded:dialect=instrumented,fps=50 --replay session.jsonl");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(figure(&run, "replay/applied", "unassigned"), Some(0.0));
    assert_eq!(run.plan["as_recorded"], 12);
    let n = |path| case(&run, path).metric("p50").unwrap().n;
    assert_eq!(
        (n("replay/received"), n("replay/applied")),
        (5, 6),
        "one reply each, and none for the message that wants none"
    );
}

#[test]
fn lost_reply_shifts_no_match_and_exits_with_4() {
    let place = Place::new();
    let messages: Vec<(u64, Value)> = (0..30).map(|turn| (turn * 20, expression("joy"))).collect();
    session(&place, &messages, true);
    let lies = "fps=unpaced,drop-every=25,received-delay=3ms";
    let (outcome, run) = place.ipc(&format!("--bridge embedded:{lies} --timeout 300ms --replay session.jsonl"));
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let lossy = case(&run, "replay/received");
    assert_eq!((lossy.state, figure(&run, "replay/received", "lost")), (CaseState::Lossy, Some(1.0)));
    // At most the 24 before the loss; one matched with a neighbour would have taken 20 ms.
    assert!(lossy.metric("mean").unwrap().n <= 24);
    assert_eq!(lossy.metric("mean").unwrap().n as f64 + figure(&run, "replay/received", "unmatched").unwrap(), 29.0);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_replayed_messages() {
    let place = Place::new();
    let messages: Vec<(u64, Value)> = (0..4000).map(|turn| (turn * 20, expression("joy"))).collect();
    session(&place, &messages, true);
    let bridge = EmbeddedBridge::start("fps=200".parse::<BridgeSpec>().unwrap(), 0).unwrap();
    let child = place
        .command(&format!("ipc --bridge {} --replay session.jsonl --out out", bridge.address()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while bridge.counters().replies_sent < 20 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let run = place.interrupted(child);
    assert_eq!(case(&run, "replay/received").state, CaseState::Interrupted);
    assert!(case(&run, "replay/received").metric("mean").unwrap().n > 0);
}

#[test]
fn tapped_ipc_session_can_be_replayed() {
    let place = Place::new();
    let bridge = EmbeddedBridge::start("fps=200".parse::<BridgeSpec>().unwrap(), 0).unwrap();
    let mut tap = Tap::start(&place, bridge.address(), "--once");
    let line =
        format!("ipc --quiet --bridge {} --load poisson:100 --messages 20 --warmup 0 --out measured", tap.address);
    let outcome = place.run(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(tap.ends(), Some(0));
    std::fs::rename(place.path("out"), place.path("tapped")).unwrap();
    let (outcome, run) = place.ipc(&format!("--bridge {} --replay tapped", bridge.address()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    // Forty messages, and the one that restores the avatar; whether it blinked is unknown.
    assert_eq!((run.plan["as_recorded"].as_u64(), run.plan["as_probes"].as_u64()), (Some(0), Some(41)));
    assert_eq!(figure(&run, "replay/received", "lost"), Some(0.0));
}

#[test]
fn invalid_session_is_exit_code_5_and_contradictory_flags_2() {
    let place = Place::new();
    place.write("empty.jsonl", "");
    place.write("other.jsonl", "{\"a\": 1}\n");
    session(&place, &[], true);
    for (line, code, named) in [
        ("--replay nowhere.jsonl", 5, "nowhere.jsonl"),
        ("--replay empty.jsonl", 5, "not a session header"),
        ("--replay other.jsonl", 5, "not a session header"),
        ("--replay session.jsonl", 5, "no message of the application"),
        ("--speed 2", 2, "--replay"),
        ("--replay session.jsonl --speed 0", 2, "speed"),
        ("--replay session.jsonl --load closed", 2, "--load"),
    ] {
        let outcome = place.run(&format!("ipc --bridge embedded {line}"));
        assert_eq!(outcome.code, Some(code), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(named), "{line}: {}", outcome.stderr);
    }
}
