//! Past bugs of the bridge, its studies and `tap`.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use workly_perf::bridge::server::{BridgeSpec, EmbeddedBridge};
use workly_perf::record::{CaseState, MetricStatus, RunState};

use crate::bridge::unsolicited;
use crate::harness::run::{Outcome, Place, case, figure};
use crate::ipc::replay;
use crate::studies::tap;

/// A Unity that connected and sent nothing was said to have accepted a connection.
#[test]
fn silent_connecting_unity_is_reported_as_having_connected() {
    let probe = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let caller = std::thread::spawn(move || {
        // First until the port is listened on, then until the other side gives up.
        let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while std::time::Instant::now() < end {
            if let Ok(mut stream) = std::net::TcpStream::connect(address) {
                return std::io::copy(&mut stream, &mut std::io::sink()).is_ok();
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        false
    });
    let outcome = Place::new().run(&format!("ipc --dialect public-api --listen {address} --timeout 2s --out out"));
    caller.join().unwrap();
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" connected and sent no greeting"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("accepted") && !outcome.stderr.contains("close Workly"), "{}", outcome.stderr);
}

/// Messages repeated an address that was typed as a number.
#[test]
fn address_is_named_once() {
    let outcome = Place::new().run("ipc --listen 0.0.0.0:0 --out out");
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("error: 0.0.0.0:0 is not a loopback address"), "{}", outcome.stderr);
}

/// Every failure suggested a longer `--timeout`.
#[test]
fn hint_matches_the_fault() {
    let hint =
        |outcome: &Outcome| outcome.stderr.lines().rfind(|line| line.contains("hint: ")).unwrap_or("").to_owned();
    let other =
        unsolicited::Chatty::start("{}", unsolicited::EVENT.to_vec(), unsolicited::frames(60), unsolicited::nothing);
    for study in ["--load closed", "--mode --rounds 1", "--breakdown"] {
        let (outcome, _) = other.ipc(&format!("{study} --messages 10 --warmup 0 --timeout 300ms"));
        assert!(hint(&outcome).contains("--dialect auto"), "{study}: {}", outcome.stderr);
    }
    for (spec, is_late) in [("duplicate-every=3", false), ("garble-every=3", false), ("drop-every=3", true)] {
        let line = format!(
            "--bridge embedded:fps=unpaced,{spec} --load closed --messages 10 --warmup 0 --timeout 200ms --seed 1"
        );
        let (outcome, _) = Place::new().ipc(&line);
        assert_eq!(outcome.code, Some(4), "{spec}: {}", outcome.stderr);
        assert_eq!(hint(&outcome).contains("raise --timeout"), is_late, "{spec}: {}", outcome.stderr);
    }
}

/// Any JSON object counted as a reply of the stock bridge.
#[test]
fn object_with_members_is_not_a_stock_reply() {
    let bridge =
        unsolicited::Chatty::start("{}", unsolicited::EVENT.to_vec(), unsolicited::frames(60), unsolicited::nothing);
    let (outcome, run) = bridge.ipc("--load closed --messages 10 --warmup 0 --timeout 300ms");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert_eq!(figure(&run, "received/closed/100B", "p50"), None);
    assert!(run.warnings.iter().any(|warning| warning.contains("--dialect auto detects it")), "{:?}", run.warnings);
}

/// A Unity of the API page was reported as paused.
#[test]
fn status_messages_alone_are_not_a_paused_main_thread() {
    let status = b"{\"type\":\"status\",\"data\":{\"fps\":60.0}}\n";
    let bridge = unsolicited::Chatty::start(
        r#"{"type":"ready","data":{}}"#,
        status.to_vec(),
        unsolicited::frames(60),
        unsolicited::nothing,
    );
    let (outcome, _) = bridge.ipc("--dialect public-api --load poisson:20 --messages 10 --warmup 0 --timeout 300ms");
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no reply within") && !outcome.stderr.contains("paused"), "{}", outcome.stderr);
}

/// A truncated last line of a session was silently ignored.
#[test]
fn truncated_last_line_is_reported() {
    let place = Place::new();
    replay::session(&place, &[(0, replay::expression("joy")), (10, replay::expression("calm"))], true);
    let whole = std::fs::read_to_string(place.path("session.jsonl")).unwrap();
    for (text, is_cut) in [(&whole[..], false), (&whole[..whole.len() - 20], true)] {
        let place = Place::new();
        place.write("session.jsonl", text);
        let (outcome, run) = place.ipc("--bridge embedded:fps=unpaced --replay session.jsonl");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        let is_said = run.warnings.iter().any(|warning| warning.contains("last line is truncated"));
        assert_eq!((is_said, &run.plan["cut_short"]), (is_cut, &is_cut.into()), "{:?}", run.warnings);
    }
}

/// A replay that did not change blinking warned that it did.
#[test]
fn replay_without_blinking_does_not_warn_about_it() {
    let warned = |messages: &[(u64, Value)], with_payload: bool| {
        let place = Place::new();
        replay::session(&place, messages, with_payload);
        let bridge = EmbeddedBridge::start("fps=200".parse::<BridgeSpec>().unwrap(), 0).unwrap();
        let (_, run) = place.ipc(&format!("--bridge {} --replay session.jsonl", bridge.address()));
        run.warnings.iter().any(|warning| warning.contains("sends set_auto_blink"))
    };
    let blink = json!({"command": "set_auto_blink", "data": {"enabled": true}});
    assert!(!warned(&[(0, replay::expression("joy")), (20, json!({"command": "unknown"}))], true));
    assert!(!warned(&[(0, replay::expression("joy")), (20, blink.clone())], true), "as in the session");
    assert!(warned(&[(0, replay::expression("joy")), (20, blink)], false), "the harmless replacement switches it");
}

/// `drain` contained the timeout if replies were missing.
#[test]
fn lost_fire_and_forget_replies_are_missed_at_the_barrier() {
    let place = Place::new();
    let line =
        "--bridge embedded:fps=unpaced,drop-every=7 --mode fire-and-forget --timeout 200ms --rounds 1 --warmup 0";
    let (_, run) = place.ipc(&format!("{line} --messages 30 --seed 1"));
    let delivered = figure(&run, "mode/fire-and-forget", "delivered").unwrap();
    assert!(delivered < 100.0, "{delivered}");
    // The barrier timed out, which gives neither a drain time nor a rate.
    let fire = case(&run, "mode/fire-and-forget");
    for metric in ["drain", "rate_applied"] {
        assert_eq!(fire.metric(metric).unwrap().status, MetricStatus::Invalid, "{metric}");
    }
    assert!(
        fire.notes.iter().any(|note| note.contains("In 1 of 1 round, a reply was still missing")),
        "{:?}",
        fire.notes
    );
    let said: Vec<&String> = run.findings.iter().filter(|finding| finding.contains("% delivered")).collect();
    assert!(said.len() == 1 && said[0].contains("is unknown") && !said[0].contains("after the last write"), "{said:?}");
}

/// Stages that could not be assigned were said to need more messages.
/// Not because of too few messages: no reply can be assigned to one.
#[test]
fn parts_of_unmatched_replies_are_invalid() {
    let place = Place::new();
    let line = "--bridge embedded:fps=unpaced,duplicate-every=5 --breakdown --messages 40 --warmup 0 --seed 1";
    let (outcome, run) = place.ipc(line);
    assert_eq!(outcome.code, Some(4), "{}", outcome.stderr);
    let whole = case(&run, "received/breakdown/whole");
    assert_eq!(whole.state, CaseState::Invalid, "{whole:?}");
    assert!(whole.metrics.iter().all(|metric| metric.status == MetricStatus::Invalid), "{:?}", whole.metrics);
}

/// `tap --once` never ended, since the stock bridge keeps its end of the connection open.
/// The stock bridge never closes its half of a connection, nor does one that keeps sending.
#[test]
fn tap_ends_after_the_application_even_if_unity_stays() {
    for talks in [false, true] {
        let (address, far) = tap::unity(move |mut stream| {
            stream.write_all(b"{}\n").unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            while talks && stream.write_all(b"{}\n").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
            // Its half stays open until the end of the test.
            (heard, stream)
        });
        let place = Place::new();
        let mut tap = tap::Tap::start(&place, address, "--once");
        let mut near = tap.connect();
        near.write_all(b"{\"command\": \"set_expression\"}\n").unwrap();
        // The application keeps reading, so that no write to it fails.
        near.shutdown(Shutdown::Write).unwrap();
        assert_eq!(tap.ends(), Some(0));
        let (heard, _open) = far.join().unwrap();
        assert_eq!(heard, b"{\"command\": \"set_expression\"}\n");
        let (run, _) = tap::record(&place);
        assert_eq!((run.state, figure(&run, "inter_arrival/app", "messages")), (RunState::Complete, Some(1.0)));
        drop(near);
    }
}
