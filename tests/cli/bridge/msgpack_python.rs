//! `MessagePack` written by this program, read by an independent implementation.

use serde_json::{Value, json};
use workly_perf::bridge::{Codec, Dialect, Message, Wire};

use crate::harness::python::read;

/// Test values: the shapes compared by `ipc --codec`, and edge cases of numbers and texts.
fn bodies() -> Vec<Value> {
    let reaction: Vec<Value> = (0..10)
        .map(|turn| match turn % 2 {
            0 => json!({"command": "set_expression", "data": {"name": "neutral", "value": 0.0}}),
            _ => json!({"command": "set_auto_blink", "data": {"enabled": true}}),
        })
        .collect();
    vec![
        json!({"command": "set_expression", "data": {"name": "joy", "value": 0.5}}),
        json!({"command": "set_auto_blink", "data": {"enabled": false}}),
        json!({"command": "set_auto_head_movement",
               "data": {"enabled": true, "min_interval": 2.5, "max_interval": 6.0, "max_angle": 12.5}}),
        json!({"command": "batch", "data": {"commands": reaction, "count": 10}}),
        json!({"command": "load_model", "data": {"path": "C:/Zoé/Modèles préférés/Été 🦊\n.vrm".repeat(9)}}),
        json!({"numbers": [0, 127, 128, 255, 256, 65_535, 65_536, 4_294_967_295_u64, u64::MAX, -1, -32, -33, i64::MIN, 0.1]}),
        json!({"none": null, "empty": {}, "list": [], "": ""}),
    ]
}

#[test]
fn python_msgpack_round_trips_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.bin");
    let bodies = bodies();
    let mut file = Vec::new();
    for body in &bodies {
        let mut message =
            Message::new(Dialect::instrumented(), body.as_object().unwrap(), Wire::prefixed(Codec::Msgpack), 0);
        file.extend_from_slice(message.line(41));
    }
    std::fs::write(&path, file).unwrap();
    let read = read("read_msgpack.py", &path);
    let messages = read.as_array().unwrap();
    assert_eq!(messages.len(), bodies.len());
    for (message, body) in messages.iter().zip(&bodies) {
        let mut expected = body.clone();
        expected["id"] = json!(1_000_000_041);
        assert_eq!(message["read"], expected);
        assert_eq!(message["same_bytes"], true, "{expected}");
        assert!(!message["as_json"].as_str().unwrap().is_empty());
    }
}
