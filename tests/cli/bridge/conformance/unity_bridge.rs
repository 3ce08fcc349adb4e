//! Behaviour of the C# bridge beyond the embedded one: hostile input, full queues, floods; and the real `ipc` against
//! it.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::peer::{BLINK, Peer, RESET, expression};
use super::served::{Bridge, Kind, Served};
use crate::harness::mono;
use crate::harness::run::{Place, figure};

fn bridge(spec: &str) -> Bridge {
    Kind::Mono.bridge(spec)
}

impl Bridge {
    /// The host's answer to a word.
    fn tell(&self, word: &str) -> Value {
        let Self::Mono(bridge) = self else { panic!("the embedded bridge has no host") };
        if word == "state" { bridge.borrow_mut().state() } else { bridge.borrow_mut().ask(word).into() }
    }
}

#[test]
fn c_sharp_codecs_and_buffers_pass_their_tests() {
    let output = Command::new("mono").arg(mono::host()).arg("self-test").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn unity_components_work_in_a_scene_and_after_a_reload() {
    let mut sources = mono::sources("tests/doubles/mono/engine");
    for folder in ["Core", "Unity", "Vrm0", "Vrm1"] {
        sources.extend(mono::sources(&format!("scripts/unity/Runtime/{folder}")));
    }
    // Fields that are only set by the inspector.
    let program = mono::compile("workly-bridge-scene.exe", &sources, &["-nowarn:649"]);
    let output = Command::new("mono").arg(program).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn message_sent_byte_by_byte_keeps_its_characters() {
    let bridge = bridge("fps=200");
    let mut peer = Peer::greeted(&bridge);
    let request =
        json!({"command": "set_expression", "data": {"name": "joé€🦊", "value": 0.5}, "id": 1, "ack": "applied"});
    for byte in format!("{request}\n").bytes() {
        peer.write(&[byte]);
    }
    assert!(peer.line().contains("\"ok\""));
    assert_eq!(bridge.avatar().expressions["joé€🦊"], 0.5);
}

#[test]
fn batch_without_an_id_gets_one_bare_line_and_one_frame() {
    let bridge = bridge("fps=200");
    let mut peer = Peer::greeted(&bridge);
    let batch = json!({"command": "batch", "data": {"count": 3, "commands": [
        {"command": "set_expression", "data": {"name": "joy", "value": 0.5}},
        {"command": "set_auto_blink", "data": {"enabled": true}},
        {"command": "load_model", "data": {"path": "a.vrm"}},
    ]}});
    peer.ask(&batch.to_string());
    assert!(peer.is_quiet());
    let avatar = bridge.avatar();
    assert_eq!((avatar.expressions["joy"], avatar.auto_blink, avatar.model.as_deref()), (0.5, true, Some("a.vrm")));
    assert_eq!((bridge.counters().applied, bridge.counters().busy_frames), (3, 1));
}

#[test]
fn unknown_commands_without_an_id_stay_unanswered() {
    let bridge = bridge("");
    let mut peer = Peer::greeted(&bridge);
    for line in [
        r#"{"command":"stats"}"#,
        r#"{"command":"hello","data":{"framing":"length"}}"#,
        r#"{"command":"batch"}"#,
        "[]",
        "7",
    ] {
        peer.send(line);
    }
    assert!(peer.is_quiet());
    peer.ask(r#"{"command":"set_expression","data":{"name":"joy"}}"#);
    peer.ask(RESET);
}

#[test]
fn oversized_message_is_refused_and_the_next_one_answered() {
    let bridge = bridge("max-message=1000");
    let mut peer = Peer::greeted(&bridge);
    peer.send(&expression(&"x".repeat(2_000), 1.0));
    assert!(peer.is_quiet(), "a client without error replies gets none");
    peer.ask(RESET);
    assert_eq!(peer.call(&json!({"command": "reset_expressions", "id": 1}))["status"], "ok");
    peer.send(&expression(&"x".repeat(3_000_000), 1.0));
    let refusal: Value = serde_json::from_str(&peer.line()).unwrap();
    assert_eq!(
        (&refusal["status"], &refusal["error"]),
        (&json!("error"), &json!("the message is longer than 1000 bytes"))
    );
    peer.ask(RESET);
    assert!(bridge.avatar().expressions.is_empty());
}

#[test]
fn command_refused_by_the_avatar_is_an_error_reply() {
    let bridge = bridge("fps=200");
    let mut peer = Peer::greeted(&bridge);
    let refused =
        json!({"command": "set_expression", "data": {"name": "refuse", "value": 1}, "id": 1, "ack": "applied"});
    let reply = peer.call(&refused);
    assert_eq!(
        (&reply["status"], &reply["error"]),
        (&json!("error"), &json!("the avatar refused: no such expression"))
    );
    let batch = json!({"command": "batch", "id": 2, "data": {"commands": [refused, {"command": "reset_expressions"}]}});
    let reply = peer.call(&batch);
    assert_eq!((&reply["applied"], &reply["rejected"]), (&json!(1), &json!(1)));
    peer.ask(BLINK);
}

#[test]
fn vanished_client_leaves_nothing_to_the_next() {
    let bridge = bridge("fps=20");
    for turn in 0..10 {
        let mut peer = Peer::greeted(&bridge);
        peer.send(&json!({"command": "set_auto_blink", "data": {"enabled": true}, "id": turn}).to_string());
        peer.write(b"{\"command\":\"set_");
    }
    let mut last = Peer::greeted(&bridge);
    assert!(last.is_quiet(), "no reply to another's message");
    last.ask(BLINK);
    assert_eq!((bridge.counters().connections, bridge.counters().malformed), (11, 0));
}

/// A bare reply cannot report a full queue, so the sender is slowed down instead.
#[test]
fn full_queue_never_loses_messages_without_an_id() {
    let bridge = bridge("fps=100,queue=4");
    let mut peer = Peer::greeted(&bridge);
    assert_eq!(bridge.tell("pause"), "ok");
    let all: String = (0..50).map(|place| expression(&format!("#{place}"), 1.0) + "\n").collect();
    peer.write(all.as_bytes());
    for _ in 0..4 {
        assert_eq!(peer.line(), "{}");
    }
    assert!(peer.is_quiet(), "the fifth waits");
    assert_eq!(bridge.tell("resume"), "ok");
    for _ in 4..50 {
        assert_eq!(peer.line(), "{}");
    }
    peer.ask(BLINK);
    assert_eq!(bridge.tell("state")["avatar"]["sequence"], json!([50, 0]));
}

#[test]
fn blocked_client_that_disconnects_frees_the_queue() {
    let bridge = bridge("queue=1");
    let mut peer = Peer::greeted(&bridge);
    bridge.tell("pause");
    peer.write(format!("{RESET}\n{RESET}\n").as_bytes());
    assert_eq!(peer.line(), "{}");
    drop(peer);
    Peer::greeted(&bridge);
}

#[test]
fn client_that_never_reads_delays_no_frame() {
    let bridge = bridge("fps=100");
    let peer = Peer::greeted(&bridge);
    let flood = json!({"command": "stats", "ack": "applied", "id": "x".repeat(500)}).to_string() + "\n";
    let mut stream = peer.stream();
    stream.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    // Ends when the bridge stops reading, or has disconnected a client with megabytes of unread replies.
    for _ in 0..60_000 {
        if stream.write_all(flood.as_bytes()).is_err() {
            break;
        }
    }
    let frames = |bridge: &Bridge| bridge.tell("state")["frames"].as_u64().unwrap();
    let before = frames(&bridge);
    while frames(&bridge) < before + 5 {}
    drop((peer, stream));
    let mut next = Peer::greeted(&bridge);
    next.ask(BLINK);
}

#[test]
fn flood_is_applied_in_order_without_loss_or_memory_growth() {
    let mut bridge = bridge("fps=60,queue=100000");
    let mut peer = Peer::greeted(&bridge);
    let (rounds, each) = (10_u64, 5_000_u64);
    let mut held = Vec::new();
    for round in 0..rounds {
        let messages: String = (round * each..(round + 1) * each)
            .map(|place| {
                json!({"command": "set_expression", "data": {"name": format!("#{place}"), "value": 1}, "ack": "none"})
                    .to_string()
                    + "\n"
            })
            .collect();
        peer.write(messages.as_bytes());
        // A barrier: the main thread answers after everything before it.
        let stats = peer.call(&json!({"command": "stats", "id": round, "ack": "applied"}));
        assert_eq!((&stats["applied"], &stats["overflowed"]), (&json!((round + 1) * each), &json!(0)));
        held.push(bridge.tell("state")["managed_bytes"].as_u64().unwrap());
    }
    assert_eq!(bridge.tell("state")["avatar"]["sequence"], json!([rounds * each, 0]), "the next, and the faults");
    // Buffers and the queue's array reach their size in the first rounds and are reused.
    let (settled, last) = (held[2..5].iter().max().unwrap(), held[9]);
    assert!(last < settled + (4 << 20), "{held:?}");
    drop(peer);
    bridge.shutdown();
    assert_eq!(bridge.counters().received, rounds * (each + 1));
}

#[test]
fn ipc_measures_it_as_a_stock_bridge() {
    let bridge = bridge("fps=60");
    let (outcome, run) =
        Place::new().ipc(&format!("--bridge {} --load closed --load poisson:200 --messages 100", bridge.address()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(run.is_clean());
    for case in ["received/closed/100B", "applied/closed/100B", "received/poisson:200/100B", "applied/poisson:200/100B"]
    {
        assert_eq!(figure(&run, case, "lost"), Some(0.0), "{case}");
    }
    // Frame-locked: on average, a reply cannot come earlier than one frame after the previous one.
    assert!(figure(&run, "applied/closed/100B", "mean").unwrap() > 10.0);
    assert_eq!(bridge.counters().malformed, 0);
}

#[test]
fn ipc_measures_it_with_ids() {
    let bridge = bridge("fps=200");
    let (outcome, run) = Place::new().ipc(&format!(
        "--bridge {} --dialect instrumented --load poisson:300 --messages 150 --sizes 100,4097",
        bridge.address()
    ));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(run.is_clean());
    assert_eq!(run.cases.len(), 3);
    assert!(run.cases.iter().all(|case| case.metric("unmatched").unwrap().value == Some(0.0)));
}
