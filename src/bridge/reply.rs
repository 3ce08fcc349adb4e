//! One reply. The stock bridge answers `{}`; the others say which message they answer, what became of it, or when.

use serde::Deserialize;
use serde_json::Value;

use super::error::BridgeError;
use super::wire::Codec;

/// What a reply says. Stamps are nanoseconds of the server's own clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// Id of the message that it answers, where the dialect echoes it.
    pub id: Option<u64>,
    /// When the line had been read.
    pub received_ns: Option<u64>,
    /// When it had been understood.
    pub parsed_ns: Option<u64>,
    /// When the frame that applied the command began.
    pub frame_ns: Option<u64>,
    /// When the main thread took it from the queue.
    pub dequeued_ns: Option<u64>,
    /// When it had been carried out.
    pub applied_ns: Option<u64>,
    /// When the reply was about to be written.
    pub replied_ns: Option<u64>,
    /// Messages that were waiting when it was queued.
    pub queue_depth: Option<u64>,
    /// Whether the bridge's queue was full, and the message was not taken.
    pub overflow: bool,
    /// The number of the frame that applied the command.
    pub frame: Option<u64>,
    /// To a batch: how many of its commands were carried out, by the bridge's own account.
    pub applied: Option<u64>,
    /// Its type, in a dialect whose messages have one.
    pub event: Option<String>,
    /// Frames a second, where the message tells them.
    pub fps: Option<f64>,
}

/// The members that matter, whatever a foreign bridge puts there.
#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    received_ns: Value,
    #[serde(default)]
    parsed_ns: Value,
    #[serde(default)]
    frame_ns: Value,
    #[serde(default)]
    dequeued_ns: Value,
    #[serde(default)]
    applied_ns: Value,
    #[serde(default)]
    replied_ns: Value,
    #[serde(default)]
    queue_depth: Value,
    #[serde(default)]
    frame: Value,
    #[serde(default)]
    applied: Value,
    #[serde(default)]
    processed: Value,
    #[serde(default)]
    status: Value,
    #[serde(default)]
    message: Value,
    #[serde(default)]
    error: Value,
    #[serde(default, rename = "type")]
    event: Value,
    #[serde(default)]
    data: Value,
}

/// Longest excerpt of a foreign message that an error quotes, in characters.
const EXCERPT: usize = 80;

impl Reply {
    /// Reads one message, without its frame.
    ///
    /// # Errors
    /// [`BridgeError::Garbled`] unless it is an object, [`BridgeError::Refused`] if it reports an error.
    pub fn parse(payload: &[u8], codec: Codec) -> Result<Self, BridgeError> {
        let garbled = || BridgeError::Garbled { line: codec.excerpt(payload, EXCERPT) };
        if codec == Codec::Json && payload.first() != Some(&b'{') {
            return Err(garbled());
        }
        let members: Members = codec.decode(payload).map_err(|_| garbled())?;
        if let Some(message) = members.refusal() {
            return Err(BridgeError::Refused { message });
        }
        Ok(Self {
            id: number(&members.id),
            received_ns: members.received_ns.as_u64(),
            parsed_ns: members.parsed_ns.as_u64(),
            frame_ns: members.frame_ns.as_u64(),
            dequeued_ns: members.dequeued_ns.as_u64(),
            applied_ns: members.applied_ns.as_u64(),
            replied_ns: members.replied_ns.as_u64(),
            queue_depth: members.queue_depth.as_u64(),
            overflow: members.status == "overflow",
            frame: members.frame.as_u64(),
            applied: members.applied.as_u64().or(members.processed.as_u64()),
            fps: members.data.get("fps").and_then(Value::as_f64),
            event: match members.event {
                Value::String(event) => Some(event),
                _ => None,
            },
        })
    }
}

impl Members {
    /// The bridge's words, if it says that the command failed: an `error`, a `status` of that name, or a message of that type,
    /// whose data then has a code.
    fn refusal(&self) -> Option<String> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if !self.error.is_null() {
            return Some(text(&self.error));
        }
        if self.status == "error" {
            return Some(if self.message.is_null() { "error".into() } else { text(&self.message) });
        }
        (self.event == "error").then(|| {
            let said = |key| self.data.get(key).map(text);
            let parts: Vec<String> = ["code", "message"].into_iter().filter_map(said).collect();
            if parts.is_empty() { self.data.to_string() } else { parts.join(": ") }
        })
    }
}

/// A number, or the digits of one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Reply, BridgeError> {
        Reply::parse(line.as_bytes(), Codec::Json)
    }

    #[test]
    fn the_stock_reply_says_nothing_and_the_instrumented_one_says_which() {
        assert_eq!(parse("{}").unwrap(), Reply::default());
        let reply = parse(r#"{"id":7,"received_ns":1,"replied_ns":3,"ack":"applied","frame":5,"applied":2}"#).unwrap();
        assert_eq!((reply.id, reply.received_ns, reply.replied_ns), (Some(7), Some(1), Some(3)));
        assert_eq!((reply.frame, reply.applied), (Some(5), Some(2)));
    }

    #[test]
    fn what_is_not_an_object_is_garbled() {
        for line in ["", "[]", "null", "{", "{}x", "\u{fffd}\u{1}"] {
            assert!(matches!(parse(line), Err(BridgeError::Garbled { .. })), "{line:?}");
        }
        for bytes in [b"\x05".as_slice(), b"", b"{}", b"\xc1"] {
            assert!(matches!(Reply::parse(bytes, Codec::Msgpack), Err(BridgeError::Garbled { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn both_codecs_say_the_same() {
        let said = serde_json::json!({"id": 1_000_000_001, "status": "ok", "replied_ns": u64::MAX});
        let read = |codec: Codec| Reply::parse(&codec.encode(&said), codec).unwrap();
        assert_eq!(read(Codec::Json), read(Codec::Msgpack));
        assert_eq!(read(Codec::Msgpack).replied_ns, Some(u64::MAX));
    }

    #[test]
    fn odd_members_of_an_object_do_not_garble_it() {
        assert_eq!(parse(r#"{"id":"x","status":"ok","type":5,"data":"text"}"#).unwrap(), Reply::default());
    }

    #[test]
    fn a_full_queue_is_no_refusal_but_is_told() {
        let reply = parse(r#"{"id":1,"status":"overflow","queue_depth":9}"#).unwrap();
        assert_eq!((reply.overflow, reply.queue_depth), (true, Some(9)));
    }

    #[test]
    fn each_dialect_s_refusal_is_told_in_its_words() {
        for (line, words) in [
            (r#"{"error":"unknown command"}"#, "unknown command"),
            (r#"{"status":"error","error":{"code":4}}"#, r#"{"code":4}"#),
            (r#"{"status":"error","message":"no such thing"}"#, "no such thing"),
            (
                r#"{"type":"error","data":{"command":"x","message":"no avatar","code":"ERR_VRM_002"},"id":"5"}"#,
                "ERR_VRM_002: no avatar",
            ),
        ] {
            match parse(line) {
                Err(BridgeError::Refused { message }) => assert_eq!(message, words),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_event_has_a_type_and_an_id_of_text() {
        let reply = parse(r#"{"type":"status","data":{"fps":59.9},"timestamp":1,"id":"12"}"#).unwrap();
        assert_eq!((reply.id, reply.event.as_deref(), reply.fps), (Some(12), Some("status"), Some(59.9)));
    }
}
