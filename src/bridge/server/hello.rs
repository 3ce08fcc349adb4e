//! `hello`: negotiates framing or codec.

use serde_json::{Map, Value, json};

use crate::bridge::{Framing, Wire};

/// Longer messages are rejected, so that a client cannot fill the memory.
pub(super) const LONGEST_MESSAGE_BYTES: usize = 16 << 20;

/// The reply to a `hello`, in the wire format of the request, and the format that applies afterwards.
#[derive(Debug)]
pub(super) struct Hello {
    pub(super) reply: Value,
    /// `None` if it was refused.
    pub(super) wire: Option<Wire>,
}

/// Handles a `hello` with this id and data; omitted settings mean the plain format.
pub(super) fn agree(id: Option<&Value>, data: Option<&Map<String, Value>>) -> Hello {
    let asked: Result<Wire, _> = serde_json::from_value(Value::Object(data.cloned().unwrap_or_default()));
    let mut reply = Map::new();
    reply.extend(id.map(|id| ("id".to_owned(), id.clone())));
    reply.insert("command".into(), json!("hello"));
    let refused = match asked {
        Ok(wire) if wire.is_possible() => {
            reply.extend(with_status(&[
                ("ack", json!("received")),
                ("status", json!("ok")),
                ("framing", json!(wire.framing)),
                ("codec", json!(wire.codec)),
                ("max_message_bytes", json!(LONGEST_MESSAGE_BYTES)),
            ]));
            return Hello { reply: Value::Object(reply), wire: Some(wire) };
        }
        Ok(_) => "msgpack may contain a line feed: it needs the framing `length`".to_owned(),
        Err(error) => error.to_string(),
    };
    reply.extend(with_status(&[("status", json!("error")), ("error", json!(refused))]));
    Hello { reply: Value::Object(reply), wire: None }
}

/// The reply to an oversized message.
pub(super) fn too_long(bytes: usize) -> Value {
    json!({"status": "error", "error": format!("a message of {bytes} bytes is longer than {LONGEST_MESSAGE_BYTES}")})
}

fn with_status(members: &[(&str, Value)]) -> impl Iterator<Item = (String, Value)> {
    members.iter().map(|(key, value)| ((*key).to_owned(), value.clone()))
}

/// Sent in place of a garbled reply on that wire.
pub(super) fn garbled(wire: Wire) -> &'static [u8] {
    match wire.framing {
        Framing::Lines => super::faults::GARBLED_LINE,
        // 0xC1 is unused in MessagePack, and is neither JSON nor UTF-8.
        Framing::Length => b"\0\0\0\x01\xC1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Codec;

    #[test]
    fn only_valid_combinations_are_accepted() {
        let said = |data: Value| agree(Some(&json!(3)), data.as_object());
        let hello = said(json!({"framing": "length", "codec": "msgpack"}));
        assert_eq!(hello.wire, Some(Wire::prefixed(Codec::Msgpack)));
        let expected = json!({"id": 3, "command": "hello", "ack": "received", "status": "ok", "framing": "length",
                              "codec": "msgpack", "max_message_bytes": LONGEST_MESSAGE_BYTES});
        assert_eq!(hello.reply, expected);
        assert_eq!(agree(None, None).wire, Some(Wire::LINES));
        for refused in [json!({"framing": "lines", "codec": "msgpack"}), json!({"codec": "xml"})] {
            let hello = said(refused);
            assert_eq!((hello.wire, &hello.reply["status"], &hello.reply["id"]), (None, &json!("error"), &json!(3)));
            assert!(hello.reply["error"].is_string());
        }
    }
}
