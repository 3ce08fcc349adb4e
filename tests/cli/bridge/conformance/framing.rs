//! Framing and codec: negotiated with `hello`, in force from the next message.

use serde_json::{Value, json};
use workly_perf::bridge::Codec;

use super::peer::Peer;
use super::served::Kind;

on_both!(
    hello_is_answered_in_the_old_format_and_applies_afterwards,
    invalid_combination_is_refused_without_effect,
    oversized_message_is_refused_and_skipped,
);

fn hello(peer: &mut Peer, framing: &str, codec: &str) -> Value {
    peer.call(&json!({"command": "hello", "data": {"framing": framing, "codec": codec}, "id": 1}))
}

fn prefixed(payload: &[u8]) -> Vec<u8> {
    [&u32::try_from(payload.len()).unwrap().to_be_bytes(), payload].concat()
}

/// The next message with a length prefix.
fn message(peer: &mut Peer) -> Vec<u8> {
    let length = u32::from_be_bytes(peer.exactly(4).try_into().unwrap());
    peer.exactly(length as usize)
}

fn hello_is_answered_in_the_old_format_and_applies_afterwards(kind: Kind) {
    for codec in [Codec::Json, Codec::Msgpack] {
        let bridge = kind.bridge("dialect=instrumented,fps=unpaced");
        let mut peer = Peer::greeted(&bridge);
        let reply = hello(&mut peer, "length", &codec.to_string());
        assert_eq!((&reply["id"], &reply["status"], &reply["ack"]), (&json!(1), &json!("ok"), &json!("received")));
        assert_eq!((&reply["framing"], &reply["codec"]), (&json!("length"), &json!(codec)));
        assert!(reply["max_message_bytes"].as_u64().unwrap() >= 1 << 20);

        let name = "fun\né🦊";
        let request = json!({"command": "set_expression", "data": {"name": name, "value": 0.5}, "id": 10});
        let applied = json!({"command": "set_auto_blink", "data": {"enabled": false}, "id": 1_000_000_000});
        // Both in one write, then the second in two writes.
        let both = [prefixed(&codec.encode(&request)), prefixed(&codec.encode(&applied))].concat();
        let cut = both.len() - 3;
        peer.write(&both[..cut]);
        peer.write(&both[cut..]);
        for (id, command) in [(10, "set_expression"), (1_000_000_000, "set_auto_blink")] {
            let reply: Value = codec.decode(&message(&mut peer)).unwrap();
            assert_eq!((&reply["id"], &reply["command"]), (&json!(id), &json!(command)), "{codec}");
        }
        assert_eq!(bridge.avatar().expressions[name], 0.5);

        // And back again.
        let back = json!({"command": "hello", "data": {"framing": "lines", "codec": "json"}, "id": 2});
        peer.write(&prefixed(&codec.encode(&back)));
        let reply: Value = codec.decode(&message(&mut peer)).unwrap();
        assert_eq!(reply["framing"], "lines");
        assert_eq!(peer.call(&json!({"command": "reset_expressions", "id": 3}))["id"], 3);
    }
}

fn invalid_combination_is_refused_without_effect(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    for (framing, codec) in [("lines", "msgpack"), ("length", "xml"), ("smoke", "json")] {
        let reply = hello(&mut peer, framing, codec);
        assert_eq!(reply["status"], "error", "{reply}");
        assert!(reply["error"].is_string(), "{reply}");
    }
    assert_eq!(peer.call(&json!({"command": "reset_expressions", "id": 9}))["id"], 9);
}

fn oversized_message_is_refused_and_skipped(kind: Kind) {
    let bridge = kind.bridge("dialect=instrumented,fps=unpaced");
    let mut peer = Peer::greeted(&bridge);
    let limit = hello(&mut peer, "length", "json")["max_message_bytes"].as_u64().unwrap();
    let length = u32::try_from(limit + 1).unwrap();
    peer.write(&length.to_be_bytes());
    let refusal: Value = serde_json::from_slice(&message(&mut peer)).unwrap();
    assert_eq!(refusal["status"], "error");
    // The announced bytes are read and discarded; the next message is handled again.
    let block = vec![b'x'; 1 << 20];
    let mut left = length as usize;
    while left > 0 {
        let piece = left.min(block.len());
        peer.write(&block[..piece]);
        left -= piece;
    }
    peer.write(&prefixed(br#"{"command":"reset_expressions","id":4}"#));
    let reply: Value = serde_json::from_slice(&message(&mut peer)).unwrap();
    assert_eq!(reply["id"], 4);
}
