//! The instrumented dialect: replies with ids and timestamps.

use serde_json::{Value, json};

use super::peer::{Peer, bridge, torn_name};
use super::served::Kind;

on_both!(
    received_reply_has_the_id_and_its_timestamps,
    applied_reply_has_every_timestamp,
    counters_are_available_from_both_threads,
    full_queue_is_reported_and_accepts_again_after_draining,
    batch_may_be_acknowledged_before_it_is_applied,
    request_may_ask_for_an_applied_reply,
    every_line_is_answered,
    batch_is_applied_in_one_frame_and_answered_once,
    batch_without_applied_commands_is_an_error,
    messages_of_one_frame_are_dequeued_together,
    character_across_two_reads_is_intact,
    ids_match_replies_when_threads_overtake_each_other,
);

#[test]
fn greeting_names_the_dialect() {
    let bridge = bridge("dialect=instrumented");
    let greeting = Peer::connect(&bridge).line();
    assert_eq!(greeting, r#"{"bridge":"workly-perf embedded","dialect":"instrumented"}"#);
}

fn received_reply_has_the_id_and_its_timestamps(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented");
    let mut peer = Peer::greeted(&bridge);
    let reply = peer.call(&json!({"command": "set_expression", "data": {"name": "joy", "value": 0.5}, "id": 17}));
    assert_eq!(
        (&reply["id"], &reply["command"], &reply["ack"]),
        (&json!(17), &json!("set_expression"), &json!("received"))
    );
    assert_eq!((&reply["status"], &reply["queue_depth"]), (&json!("ok"), &json!(0)));
    assert_in_order(&reply, &["received_ns", "parsed_ns", "replied_ns"]);
    assert!(reply.get("dequeued_ns").is_none() && reply.get("applied_ns").is_none(), "{reply}");
}

fn applied_reply_has_every_timestamp(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=200");
    let mut peer = Peer::greeted(&bridge);
    let reply = peer.call(&json!({"command": "set_auto_blink", "data": {"enabled": true}, "id": "b"}));
    assert_eq!((&reply["id"], &reply["ack"]), (&json!("b"), &json!("applied")));
    assert_in_order(&reply, &["received_ns", "parsed_ns", "frame_ns", "dequeued_ns", "applied_ns", "replied_ns"]);
    assert!(reply["frame"].as_u64().unwrap() >= 1);
    assert!(bridge.avatar().auto_blink);
}

#[test]
fn without_a_frame_rate_no_reply_names_a_frame() {
    let bridge = bridge("dialect=instrumented,fps=unpaced");
    let reply = Peer::greeted(&bridge).call(&json!({"command": "set_auto_blink", "data": {"enabled": true}, "id": 1}));
    assert!(reply.get("frame").is_none() && reply.get("frame_ns").is_none(), "{reply}");
}

fn counters_are_available_from_both_threads(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=50,queue-capacity=100");
    let mut peer = Peer::greeted(&bridge);
    for _ in 0..5 {
        peer.send(&json!({"command": "reset_expressions", "ack": "none"}).to_string());
    }
    peer.send(&json!({"command": "ping", "ack": "none"}).to_string());
    let stats = peer.call(&json!({"command": "stats", "id": 1, "ack": "applied"}));
    let told = ["received", "applied", "rejected", "overflowed", "queue_depth", "queue_capacity"];
    assert_eq!(told.map(|key| stats[key].as_u64().unwrap()), [7, 5, 1, 0, 0, 100], "{stats}: a barrier for the five");
    assert!(stats["queue_high_water"].as_u64().unwrap() >= 1 && stats["frames"].as_u64().unwrap() >= 1, "{stats}");
    let again = peer.call(&json!({"command": "stats", "id": 2}));
    assert_eq!((&again["ack"], &again["received"]), (&json!("received"), &json!(8)));
    assert!(peer.is_quiet(), "nothing else was answered");
}

fn full_queue_is_reported_and_accepts_again_after_draining(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=2,queue-capacity=3");
    let mut peer = Peer::greeted(&bridge);
    // Just after a frame, so that the next one is half a second away.
    peer.call(&json!({"command": "stats", "id": 0, "ack": "applied"}));
    let batch = json!({"command": "batch", "id": 9, "ack": "applied", "data": {"commands": [
        {"command": "load_model", "data": {"path": "a.vrm"}}, {"command": "reset_expressions"}]}});
    let reset = |id: u32| json!({"command": "reset_expressions", "id": id}).to_string();
    peer.write(format!("{}\n{}\n{}\n{batch}\n", reset(1), reset(2), reset(3)).as_bytes());
    let replies: Vec<Value> = (0..4).map(|_| serde_json::from_str(&peer.line()).unwrap()).collect();
    assert_eq!([0, 1, 2].map(|at| replies[at]["queue_depth"].clone()), [json!(0), json!(1), json!(2)]);
    assert_eq!((&replies[3]["id"], &replies[3]["status"]), (&json!(9), &json!("overflow")));
    assert_eq!((&replies[3]["queue_depth"], &replies[3]["queue_capacity"]), (&json!(3), &json!(3)));
    let stats = peer.call(&json!({"command": "stats", "id": 4}));
    assert_eq!((&stats["overflowed"], &stats["queue_high_water"]), (&json!(1), &json!(3)));
    assert_eq!(bridge.avatar().model, None, "all or nothing");
    while peer.call(&json!({"command": "stats", "id": 5}))["queue_depth"] != 0 {}
    assert_eq!(peer.call(&batch)["applied"], 2);
    assert_eq!(bridge.avatar().model.as_deref(), Some("a.vrm"));
}

fn batch_may_be_acknowledged_before_it_is_applied(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=2");
    let mut peer = Peer::greeted(&bridge);
    let reply = peer.call(&json!({"command": "batch", "id": 1, "ack": "received", "data": {"commands": [
        {"command": "reset_expressions"}, {"command": "ping"}]}}));
    assert_eq!((&reply["ack"], &reply["queued"], &reply["rejected"]), (&json!("received"), &json!(1), &json!(1)));
    assert!(reply.get("applied").is_none(), "{reply}");
}

fn request_may_ask_for_an_applied_reply(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=200");
    let mut peer = Peer::greeted(&bridge);
    let reply = peer
        .call(&json!({"command": "set_expression", "data": {"name": "joy", "value": 0.5}, "id": 1, "ack": "applied"}));
    assert_eq!(reply["ack"], "applied");
    assert_in_order(&reply, &["received_ns", "parsed_ns", "dequeued_ns", "applied_ns", "replied_ns"]);
    assert_eq!(bridge.avatar().expressions["joy"], 0.5, "the command is applied when the reply arrives");
}

fn every_line_is_answered(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented");
    let mut peer = Peer::greeted(&bridge);
    for command in ["ping", "test", "set_blendshape"] {
        let reply = peer.call(&json!({"command": command, "id": 3}));
        assert_eq!((&reply["id"], &reply["error"]), (&json!(3), &json!("unknown command")), "{command}");
    }
    peer.send("{");
    assert!(peer.line().contains("\"error\""));
    assert_eq!((bridge.counters().ignored, bridge.counters().malformed), (3, 1));
}

fn batch_is_applied_in_one_frame_and_answered_once(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=200");
    let mut peer = Peer::greeted(&bridge);
    let reply = peer.call(&json!({"command": "batch", "id": 5, "data": {"commands": [
        {"command": "set_expression", "data": {"name": "joy", "value": 0.5}},
        {"command": "set_auto_blink", "data": {"enabled": true}},
        {"command": "ping"},
        {"command": "load_model", "data": {"path": "a.vrm"}},
    ]}}));
    assert_eq!((&reply["id"], &reply["applied"], &reply["rejected"]), (&json!(5), &json!(3), &json!(1)));
    let avatar = bridge.avatar();
    assert_eq!((avatar.expressions["joy"], avatar.auto_blink, avatar.model.as_deref()), (0.5, true, Some("a.vrm")));
    assert!(peer.is_quiet());
    assert_eq!((bridge.counters().applied, bridge.counters().busy_frames), (3, 1));
}

fn batch_without_applied_commands_is_an_error(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=200");
    let mut peer = Peer::greeted(&bridge);
    let pings = vec![json!({"command": "ping"}); 10];
    for (ack, count) in [("applied", "applied"), ("received", "queued")] {
        let batch =
            |commands: &[Value]| json!({"command": "batch", "id": 5, "ack": ack, "data": {"commands": commands}});
        let none = peer.call(&batch(&pings));
        assert_eq!((&none["status"], &none[count], &none["rejected"]), (&json!("error"), &json!(0), &json!(10)));
        assert_eq!(none["error"], "none of the 10 commands of this batch can be carried out");
        let some = peer.call(&batch(&[json!({"command": "reset_expressions"}), pings[0].clone()]));
        assert_eq!((&some["status"], &some["ack"]), (&json!("partial"), &json!(ack)));
        assert_eq!((&some[count], &some["rejected"]), (&json!(1), &json!(1)));
        let whole = peer.call(&batch(&[json!({"command": "reset_expressions"})]));
        assert_eq!((&whole["status"], &whole["rejected"]), (&json!("ok"), &json!(0)));
    }
}

fn messages_of_one_frame_are_dequeued_together(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=1");
    let mut peer = Peer::greeted(&bridge);
    let blink = json!({"command": "set_auto_blink", "data": {"enabled": true}, "id": 1});
    peer.call(&blink);
    peer.write(format!("{blink}\n").repeat(4).as_bytes());
    let taken: Vec<Value> =
        (0..4).map(|_| serde_json::from_str::<Value>(&peer.line()).unwrap()["dequeued_ns"].clone()).collect();
    assert!(taken[0].is_u64() && taken.iter().all(|moment| *moment == taken[0]), "{taken:?}");
}

fn character_across_two_reads_is_intact(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=200");
    let mut peer = Peer::greeted(&bridge);
    let mut request: Value = serde_json::from_str(&torn_name()).unwrap();
    peer.call(&request);
    request["ack"] = json!("applied");
    peer.call(&request);
    let names: Vec<String> = bridge.avatar().expressions.into_keys().collect();
    assert_eq!(names, [request["data"]["name"].as_str().unwrap()]);
}

fn ids_match_replies_when_threads_overtake_each_other(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=20");
    let mut peer = Peer::greeted(&bridge);
    peer.send(&json!({"command": "set_auto_blink", "data": {"enabled": true}, "id": 1}).to_string());
    peer.send(&json!({"command": "reset_expressions", "id": 2}).to_string());
    let replies = [0, 0].map(|_| serde_json::from_str::<Value>(&peer.line()).unwrap());
    for (id, command) in [(1, "set_auto_blink"), (2, "reset_expressions")] {
        assert!(replies.iter().any(|reply| reply["id"] == id && reply["command"] == command), "{replies:?}");
    }
}

fn assert_in_order(reply: &Value, stamps: &[&str]) {
    let read: Vec<u64> =
        stamps.iter().map(|stamp| reply[*stamp].as_u64().unwrap_or_else(|| panic!("{reply}"))).collect();
    assert!(read.is_sorted(), "{reply}");
}
