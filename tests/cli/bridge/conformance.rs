//! The embedded bridge and the C# bridge for Unity, checked over a real connection against known facts about the stock
//! bridge: one check per fact. Behaviour required of both is checked on both; what only the embedded one does, for
//! fidelity or fault injection, only there.

#![allow(clippy::unwrap_used, clippy::float_cmp)]

/// Defines the tests of checks that both bridges must pass.
macro_rules! on_both {
    ($($check:ident),+ $(,)?) => {
        mod embedded {
            $(#[test] fn $check() { super::$check($crate::bridge::conformance::served::Kind::Embedded); })+
        }
        #[cfg(unix)]
        mod unity {
            $(#[test] fn $check() { super::$check($crate::bridge::conformance::served::Kind::Mono); })+
        }
    };
}

mod framing;
mod instrumented;
mod lies;
mod lifetime;
mod peer;
mod served;
#[cfg(unix)]
mod unity_bridge;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workly_perf::bridge::server::BridgeSpec;

use peer::{BLINK, Peer, RESET, SILENCE, blink, bridge, expression};
use served::{Kind, Served};

on_both!(
    client_is_greeted_with_a_bare_line,
    every_known_command_gets_one_bare_line,
    socket_thread_sends_received_replies,
    main_thread_sends_applied_replies,
    unknown_commands_get_no_reply,
    blank_lines_are_not_messages,
    commands_change_the_avatar_in_sending_order,
    message_longer_than_two_reads_is_parsed,
    many_messages_in_one_write_are_answered_one_by_one,
    message_in_pieces_is_answered_once_complete,
    queued_messages_are_applied_in_one_frame,
    closed_loop_of_applied_commands_takes_one_frame_each,
);

fn client_is_greeted_with_a_bare_line(kind: Kind) {
    let bridge = kind.bridge("");
    let mut peer = Peer::connect(&bridge);
    assert_eq!(peer.line(), "{}");
    assert!(peer.is_quiet());
    assert_eq!(bridge.address().ip().to_string(), "127.0.0.1");
}

fn every_known_command_gets_one_bare_line(kind: Kind) {
    let bridge = kind.bridge("fps=200");
    let mut peer = Peer::greeted(&bridge);
    for (command, data) in commands() {
        peer.send(&json!({"command": command, "data": data}).to_string());
        assert_eq!(peer.line(), "{}", "{command}");
    }
    assert!(peer.is_quiet());
    assert_eq!(bridge.counters().replies_sent, commands().len() as u64);
}

/// A paused main thread sends no replies, so every reply comes from the socket thread.
fn socket_thread_sends_received_replies(kind: Kind) {
    for (command, data) in &commands()[..4] {
        let bridge = kind.bridge("fps=unpaced,pause-main-after=1");
        let mut peer = Peer::greeted(&bridge);
        peer.ask(BLINK);
        peer.send(&json!({"command": command, "data": data}).to_string());
        assert_eq!(peer.line(), "{}", "{command}");
    }
}

fn main_thread_sends_applied_replies(kind: Kind) {
    for (command, data) in &commands()[4..] {
        let bridge = kind.bridge("fps=unpaced,pause-main-after=1");
        let mut peer = Peer::greeted(&bridge);
        peer.ask(BLINK);
        peer.send(&json!({"command": command, "data": data}).to_string());
        assert!(peer.is_quiet(), "{command}");
        peer.ask(RESET);
        assert_eq!(bridge.counters().replies_sent, 2, "{command}");
    }
}

fn unknown_commands_get_no_reply(kind: Kind) {
    let silent = [
        r#"{"command":"ping"}"#,
        r#"{"command":"test"}"#,
        r#"{"command":"set_blendshape","data":{"name":"a","value":1}}"#,
        r#"{"command":"no_such_command"}"#,
        r"{}",
    ];
    let malformed = [r#"{"command":"ping","data":{"name":"joy","value":1}"#, "set_expression", "\u{7}"];
    let bridge = kind.bridge("");
    let mut peer = Peer::greeted(&bridge);
    for line in silent.into_iter().chain(malformed) {
        peer.send(line);
    }
    assert!(peer.is_quiet());
    peer.ask(RESET);
    assert!(peer.is_quiet(), "only the known command was answered, once");
    let counters = bridge.counters();
    assert_eq!((counters.ignored, counters.malformed, counters.received), (5, 3, 9));
    assert!(bridge.avatar().expressions.is_empty());
}

fn blank_lines_are_not_messages(kind: Kind) {
    let bridge = kind.bridge("");
    let mut peer = Peer::greeted(&bridge);
    peer.write(b"\n \n\r\n");
    peer.ask(RESET);
    assert_eq!((bridge.counters().received, bridge.counters().malformed), (1, 0));
}

/// The stock bridge searches for words. Malformed text is acted on like any other.
#[test]
fn malformed_text_with_a_known_name_is_acted_on() {
    let bridge = bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    peer.ask(r#"{"command":"set_expression","data":{"name":"joy","value":1}"#);
    peer.ask(r#"no json: "command" "set_auto_blink" "enabled": true"#);
    let avatar = bridge.avatar();
    assert_eq!((avatar.expressions["joy"], avatar.auto_blink), (1.0, true));
    assert_eq!((bridge.counters().malformed, bridge.counters().ignored), (0, 0));
    peer.send(r#"{"order":"set_expression","data":{"name":"joy","value":1}}"#);
    assert!(peer.is_quiet(), "without the word `command` there is no reply, however well-formed the text");
}

#[cfg(unix)]
#[test]
fn c_sharp_bridge_ignores_malformed_text() {
    let bridge = Kind::Mono.bridge("");
    let mut peer = Peer::greeted(&bridge);
    peer.send(r#"{"command":"set_expression","data":{"name":"joy","value":1}"#);
    assert!(peer.is_quiet());
    assert_eq!(bridge.counters().malformed, 1);
}

/// Names are tried in a fixed order, `set_expression` first, wherever they occur.
#[test]
fn first_name_in_the_table_wins() {
    let bridge = bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    peer.ask(r#"{"note":"set_auto_blink","command":"set_expression","data":{"name":"joy","value":1,"enabled":true}}"#);
    peer.ask(&blink(false));
    assert!(!bridge.avatar().auto_blink);
    assert_eq!(bridge.avatar().expressions["joy"], 1.0);
}

#[test]
fn batch_with_set_expression_acts_as_set_expression() {
    let expression = json!({"command": "set_expression", "data": {"name": "joy", "value": 0.5}});
    let blinking = json!({"command": "set_auto_blink", "data": {"enabled": true}});
    for commands in [[&expression, &blinking], [&blinking, &expression]] {
        let bridge = bridge("fps=unpaced");
        let mut peer = Peer::greeted(&bridge);
        peer.ask(&json!({"command": "batch", "data": {"commands": commands, "count": 2}}).to_string());
        assert!(peer.is_quiet());
        peer.ask(&blink(false));
        assert_eq!(bridge.avatar().expressions["joy"], 0.5);
        assert_eq!(bridge.counters().applied, 2, "the one in the batch, and the one after it");
    }
}

fn commands_change_the_avatar_in_sending_order(kind: Kind) {
    let bridge = kind.bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    let before = bridge.avatar();
    peer.ask(&expression("joy", 0.25));
    peer.ask(&expression("joy", 0.75));
    peer.ask(&blink(true));
    assert_eq!(bridge.avatar().expressions["joy"], 0.75);
    assert!(bridge.avatar().auto_blink);
    peer.ask(RESET);
    peer.ask(&blink(false));
    assert_eq!(bridge.avatar(), before);
}

/// Each read is decoded separately: a character with bytes on both sides of byte 4,096 is lost.
#[test]
fn character_across_two_reads_is_corrupted() {
    let bridge = bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    peer.send(&peer::torn_name());
    assert_eq!(peer.line(), "{}");
    peer.ask(BLINK);
    let names: Vec<String> = bridge.avatar().expressions.into_keys().collect();
    assert!(names[0].starts_with("joy") && names[0].ends_with("end"), "the rest of the message survives");
    assert!(names[0].contains('\u{FFFD}') && !names[0].contains('é'), "{}", &names[0][names[0].len() - 20..]);
}

fn message_longer_than_two_reads_is_parsed(kind: Kind) {
    let bridge = kind.bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    let name = "n".repeat(10_000);
    peer.ask(&expression(&name, 1.0));
    peer.ask(BLINK);
    assert_eq!(bridge.avatar().expressions[&name], 1.0);
}

fn many_messages_in_one_write_are_answered_one_by_one(kind: Kind) {
    let bridge = kind.bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    let count = 500;
    let all: String = (0..count).map(|turn| expression(&format!("e{turn}"), 1.0) + "\n").collect();
    peer.write(all.as_bytes());
    for _ in 0..count {
        assert_eq!(peer.line(), "{}");
    }
    peer.ask(BLINK);
    assert_eq!((bridge.counters().received, bridge.counters().replies_sent), (count + 1, count + 1));
    assert_eq!(bridge.avatar().expressions.len() as u64, count);
}

fn message_in_pieces_is_answered_once_complete(kind: Kind) {
    let bridge = kind.bridge("");
    let mut peer = Peer::greeted(&bridge);
    peer.write(&RESET.as_bytes()[..9]);
    assert!(peer.is_quiet());
    peer.write(&RESET.as_bytes()[9..]);
    assert!(peer.is_quiet(), "the line feed is part of the message");
    peer.write(b"\n");
    assert_eq!(peer.line(), "{}");
}

fn queued_messages_are_applied_in_one_frame(kind: Kind) {
    let bridge = kind.bridge("fps=1");
    let mut peer = Peer::greeted(&bridge);
    // The reply comes at the start of a frame, which leaves a second to queue the rest.
    peer.ask(BLINK);
    assert_eq!(bridge.counters().busy_frames, 1);
    peer.write(format!("{BLINK}\n").repeat(5).as_bytes());
    for _ in 0..5 {
        assert_eq!(peer.line(), "{}");
    }
    let counters = bridge.counters();
    assert_eq!((counters.busy_frames, counters.applied, counters.longest_queue), (2, 6, 5));
}

fn closed_loop_of_applied_commands_takes_one_frame_each(kind: Kind) {
    let started = Instant::now();
    let bridge = kind.bridge("fps=30");
    let mut peer = Peer::greeted(&bridge);
    let count = 15;
    for _ in 0..count {
        peer.ask(BLINK);
    }
    // Frame n starts at least n periods after the bridge's start.
    assert!(started.elapsed() >= Duration::from_secs(1) * count / 30);
    assert_eq!(bridge.counters().busy_frames, u64::from(count));
}

#[test]
fn unpaced_bridge_does_not_wait_for_frames() {
    let bridge = bridge("fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    for _ in 0..200 {
        peer.ask(BLINK);
    }
    assert_eq!(bridge.counters().applied, 200);
}

/// Every known command with valid data: four answered by the socket thread, then three by the main thread.
fn commands() -> [(&'static str, Value); 7] {
    [
        ("set_expression", json!({"name": "joy", "value": 0.5})),
        ("reset_expressions", json!({})),
        ("set_transition_speed", json!({"speed": 2.0})),
        ("load_model", json!({"path": "models/a.vrm"})),
        ("set_auto_blink", json!({"enabled": true})),
        ("set_auto_head_movement", json!({"enabled": true, "min_interval": 1, "max_interval": 2, "max_angle": 5})),
        ("unload_model", json!({})),
    ]
}

#[test]
fn silence_check_spans_several_frames() {
    assert!(SILENCE.as_nanos() as f64 > 3.0 * BridgeSpec::default().fps.period_ns().unwrap());
}
