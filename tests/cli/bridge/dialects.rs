//! Every dialect end to end: measured, detected, and never sent a command that it does not define.

use std::net::TcpListener;

use workly_perf::bridge::Dialect;
use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::record::{CaseState, Run};

use crate::harness::run::{Outcome, Place, case, figure};

const QUICK: &str = "--load closed --messages 30 --warmup 2 --seed 1";

/// A port that was free just now.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

fn measured(line: &str) -> (Outcome, Run) {
    let (outcome, run) = Place::new().ipc(&format!("{line} {QUICK}"));
    assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
    (outcome, run)
}

#[test]
fn each_dialect_is_measured_with_its_kinds_of_reply() {
    for (dialect, paths) in [
        ("stock", vec!["received/closed/100B", "applied/closed/100B"]),
        ("batch", vec!["received/closed/100B", "applied/closed/100B"]),
        ("instrumented", vec!["received/closed/100B", "applied/closed/100B"]),
        ("founding", vec!["received/closed/100B"]),
        ("public-api", vec!["applied/closed/155B"]),
    ] {
        let (_, run) = measured(&format!("--bridge embedded:fps=unpaced,dialect={dialect}"));
        let measured: Vec<&str> = run.cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(measured, paths, "{dialect}");
        assert!(run.cases.iter().all(|case| case.state == CaseState::Ok), "{dialect}: {:?}", run.cases);
        assert_eq!(run.subject["dialect_by"], "embedded bridge");
        let odd: Vec<&String> = run.warnings.iter().filter(|warning| warning.contains("greeted")).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
}

#[test]
fn each_dialect_is_detected_and_recorded_with_evidence() {
    for (dialect, found, how) in [
        ("stock", "stock", "bare greeting"),
        ("batch", "stock", "dialect batch"),
        ("instrumented", "instrumented", "by its greeting"),
        ("founding", "founding", "by its greeting"),
        ("public-api", "public-api", "by its greeting"),
    ] {
        let (_, run) = measured(&format!("--bridge embedded:fps=unpaced,dialect={dialect} --dialect auto"));
        assert_eq!(run.subject["dialect"], found);
        let said = run.subject["dialect_by"].as_str().unwrap();
        assert!(said.contains(how), "{dialect}: {said}");
    }
}

#[test]
fn detection_sends_only_commands_known_to_stock() {
    for dialect in ["stock", "batch"] {
        let bridge = EmbeddedBridge::start(format!("fps=unpaced,dialect={dialect}").parse().unwrap(), 0).unwrap();
        let (_, run) = measured(&format!("--bridge {} --dialect auto", bridge.address()));
        assert_eq!(run.subject["dialect"], "stock");
        let counters = bridge.counters();
        // One for detection, 2 cases of 32, and one that resets the expressions.
        assert_eq!((counters.received, counters.ignored, counters.malformed), (66, 0, 0), "{dialect}");
    }
}

#[test]
fn default_run_sends_only_commands_known_to_stock() {
    let bridge = EmbeddedBridge::start("fps=unpaced".parse().unwrap(), 0).unwrap();
    let (outcome, _) = Place::new().ipc(&format!("--bridge {} --messages 20 --warmup 0 --seed 1", bridge.address()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let counters = bridge.counters();
    assert_eq!((counters.ignored, counters.malformed), (0, 0));
    assert!(counters.received >= 200);
}

/// Bridges with the dialect's commands but another greeting.
#[test]
fn unknown_greeting_is_resolved_by_the_reply() {
    use std::io::{BufRead, BufReader, Write};
    for (greeting, reply, found) in [
        ("{}", r#"{"id":ID,"command":"set_expression","ack":"received","status":"ok"}"#, "instrumented"),
        (r#"{"hello":1}"#, r#"{"status":"error","message":"unknown command"}"#, "founding"),
        (r#"{"type":"status","data":{"fps":60},"id":"1"}"#, r#"{"type":"expression_set","id":"ID"}"#, "public-api"),
    ] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            writeln!(stream, "{greeting}").unwrap();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                let message: serde_json::Value = serde_json::from_str(&line).unwrap();
                let id = message["id"].as_u64().map(|id| id.to_string());
                let id = id.or(message["id"].as_str().map(str::to_owned)).unwrap_or_default();
                // Known commands are answered correctly, whatever came before.
                let known = message["command"] == "expression";
                let reply = if known { r#"{"status":"ok"}"#.to_owned() } else { reply.replace("ID", &id) };
                writeln!(stream, "{reply}").unwrap();
            }
        });
        let (_, run) = measured(&format!("--bridge {address} --dialect auto"));
        assert_eq!(run.subject["dialect"], found, "{}", run.subject);
    }
}

#[test]
fn connecting_unity_is_awaited() {
    let port = free_port();
    let bridge = EmbeddedBridge::start("dialect=public-api,fps=200".parse().unwrap(), port).unwrap();
    let line = format!("--listen 127.0.0.1:{port} --dialect auto --load closed --messages 400 --warmup 0 --seed 1");
    let (outcome, run) = Place::new().ipc(&line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((&run.subject["found_by"], &run.subject["dialect"]), (&"--listen".into(), &"public-api".into()));
    let reported =
        run.findings.iter().find(|finding| finding.contains("The bridge reports")).expect("two seconds of status");
    assert!(reported.contains("frames per second"), "{reported}");
    assert_eq!(
        case(&run, "applied/closed/155B").metric("surplus").unwrap().value,
        Some(0.0),
        "status messages are not surplus"
    );
    assert!(bridge.avatar().expressions.contains_key("Neutral"));
    assert_eq!(bridge.counters().connections, 1, "detected and measured on one connection");
}

#[test]
fn missing_connection_is_reported_with_a_hint() {
    let outcome = Place::new().run(&format!("ipc --listen 127.0.0.1:{} --timeout 200ms", free_port()));
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no bridge connected") && outcome.stderr.contains("hint:"), "{}", outcome.stderr);
    let outcome = Place::new().run("ipc --listen 0.0.0.0:5555 --timeout 200ms");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("--allow-remote"), "{}", outcome.stderr);
}

#[test]
fn user_defined_dialect_is_read_from_a_file() {
    let place = Place::new();
    let own = include_str!("../../../profiles/bridge/stock.toml")
        .replace("name = \"stock\"", "name = \"mine\"")
        .replace(r#"{ name = "neutral", value = 0.0 }"#, r#"{ name = "calm", value = 0.0 }"#);
    place.write("mine.toml", &own);
    let (outcome, run) = place.ipc(&format!("--bridge embedded:fps=unpaced --dialect mine.toml {QUICK}"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((&run.subject["dialect"], &run.plan["dialect"]), (&"mine".into(), &"mine".into()));
    assert!(figure(&run, "received/closed/100B", "p50").is_some());

    place.write("broken.toml", "name = 1");
    for (dialect, says) in [("broken.toml", "cannot be read"), ("none.toml", "none.toml"), ("klingon", "klingon")] {
        let refused = place.run(&format!("ipc --bridge embedded --dialect {dialect}"));
        assert_eq!(refused.code, Some(2), "{}", refused.stderr);
        assert!(refused.stderr.contains(says), "{}", refused.stderr);
    }
}

#[test]
fn every_dialect_has_a_summary() {
    for name in Dialect::NAMES {
        assert!(!Dialect::named(name).unwrap().summary.is_empty(), "{name}");
    }
}
