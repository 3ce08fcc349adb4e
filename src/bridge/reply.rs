//! One reply. The stock bridge's is `{}`; others contain the message's id, its outcome, or timestamps.

use serde::Deserialize;
use serde_json::Value;

use super::dialect::{Dialect, ReplyForm};
use super::error::BridgeError;
use super::message::Message;
use super::wire::Codec;

/// Contents of a reply. Timestamps are nanoseconds of the server's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    /// Id of the message that it answers, if the dialect repeats it.
    pub id: Option<u64>,
    /// When the line had been read.
    pub received_ns: Option<u64>,
    /// When it had been parsed.
    pub parsed_ns: Option<u64>,
    /// When the frame that applied the command began.
    pub frame_ns: Option<u64>,
    /// When the main thread took it from the queue.
    pub dequeued_ns: Option<u64>,
    /// When it had been applied.
    pub applied_ns: Option<u64>,
    /// When the reply was about to be written.
    pub replied_ns: Option<u64>,
    /// Messages in the queue when this one was added.
    pub queue_depth: Option<u64>,
    /// Whether the bridge's queue was full and the message was refused.
    pub overflow: bool,
    /// The number of the frame that applied the command.
    pub frame: Option<u64>,
    /// For a batch: how many of its commands were applied, as reported by the bridge.
    pub applied: Option<u64>,
    /// Its type, in a dialect whose messages have one.
    pub event: Option<String>,
    /// Frames per second, if the message reports them.
    pub fps: Option<f64>,
    /// Whether it has any members; the stock bridge's replies have none.
    pub has_members: bool,
    /// Whether it has a `status`.
    pub has_status: bool,
    /// The bridge's error message, truncated to a few hundred characters, if the command failed.
    pub refusal: Option<String>,
}

/// Kind of a message from the bridge, by its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageKind {
    /// A reply to something.
    Reply,
    /// An unsolicited message of the dialect.
    Unsolicited,
    /// A foreign message.
    Foreign,
}

/// The relevant members, with any type of value.
#[derive(Deserialize)]
struct ReplyMembers {
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

/// Longest excerpt of a message that an error or a warning quotes, in characters.
pub(super) const EXCERPT: usize = 80;

/// Longest part of a bridge's refusal that is kept, in characters.
const REFUSAL: usize = 300;

impl Reply {
    /// Parses one message without framing.
    ///
    /// # Errors
    /// [`BridgeError::Garbled`] unless it is an object, [`BridgeError::Refused`] if it reports an error.
    pub fn parse(payload: &[u8], codec: Codec) -> Result<Self, BridgeError> {
        Self::read(payload, codec)?.into_result()
    }

    /// Like [`Reply::parse`], for callers that first need to know which message was refused.
    ///
    /// # Errors
    /// [`BridgeError::Garbled`] unless it is an object.
    pub(super) fn read(payload: &[u8], codec: Codec) -> Result<Self, BridgeError> {
        let garbled = || BridgeError::Garbled { line: codec.excerpt(payload, EXCERPT) };
        if codec == Codec::Json && payload.first() != Some(&b'{') {
            return Err(garbled());
        }
        let members: ReplyMembers = codec.decode(payload).map_err(|_| garbled())?;
        Ok(Self {
            id: number(&members.id),
            received_ns: members.received_ns.as_u64(),
            parsed_ns: members.parsed_ns.as_u64(),
            frame_ns: members.frame_ns.as_u64(),
            dequeued_ns: members.dequeued_ns.as_u64(),
            applied_ns: members.applied_ns.as_u64(),
            replied_ns: members.replied_ns.as_u64(),
            queue_depth: members.queue_depth.as_u64(),
            has_members: !is_empty(payload, codec),
            has_status: members.status.is_string(),
            refusal: members.refusal(),
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

    /// Returns itself unless it reports an error.
    ///
    /// # Errors
    /// [`BridgeError::Refused`].
    pub(super) fn into_result(mut self) -> Result<Self, BridgeError> {
        match self.refusal.take() {
            Some(message) => Err(BridgeError::Refused { message }),
            None => Ok(self),
        }
    }

    /// Whether it names a message sent by this program.
    pub(super) fn has_our_id(&self) -> bool {
        self.id.and_then(Message::index_of).is_some()
    }

    /// Its kind on a connection with that dialect.
    pub(super) fn kind(&self, dialect: &Dialect) -> MessageKind {
        let event = self.event.as_ref();
        if event.is_some_and(|event| dialect.replies.unsolicited.contains(event)) {
            return MessageKind::Unsolicited;
        }
        let fits = match dialect.replies.form {
            ReplyForm::Bare => !self.has_members,
            ReplyForm::Stamped => true,
            ReplyForm::Status => self.has_status,
            ReplyForm::Event => event.is_some_and(|event| dialect.is_reply_type(event)),
        };
        let is_reply = fits && (self.has_our_id() || !dialect.ids);
        // A bridge that refuses a message may not have read its id.
        if is_reply || self.refusal.is_some() { MessageKind::Reply } else { MessageKind::Foreign }
    }
}

/// Whether a message that is an object has no members.
fn is_empty(payload: &[u8], codec: Codec) -> bool {
    match codec {
        Codec::Json => payload.iter().all(|byte| matches!(byte, b'{' | b'}') || byte.is_ascii_whitespace()),
        Codec::Msgpack => matches!(payload, [0x80] | [0xde, 0, 0] | [0xdf, 0, 0, 0, 0]),
    }
}

impl ReplyMembers {
    /// The bridge's error text, if it reports a failure: an `error`, a `status` of that name, or a message of that
    /// type, whose data has a code.
    fn refusal(&self) -> Option<String> {
        let text = |value: &Value| truncated(value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        if !self.error.is_null() {
            return Some(text(&self.error));
        }
        if self.status == "error" {
            return Some(if self.message.is_null() { "error".into() } else { text(&self.message) });
        }
        (self.event == "error").then(|| {
            let said = |key| self.data.get(key).map(text);
            let parts: Vec<String> = ["code", "message"].into_iter().filter_map(said).collect();
            if parts.is_empty() { truncated(self.data.to_string()) } else { parts.join(": ") }
        })
    }
}

/// Truncates text of any length.
fn truncated(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(REFUSAL) {
        text.truncate(end);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// Parses a number, or a string of digits.
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
    fn stock_reply_is_empty_and_instrumented_one_names_the_message() {
        for bare in ["{}", "{ }", "{\t}\r"] {
            assert_eq!(parse(bare).unwrap(), Reply::default());
        }
        assert_eq!(Reply::parse(b"\x80", Codec::Msgpack).unwrap(), Reply::default());
        let reply = parse(r#"{"id":7,"received_ns":1,"replied_ns":3,"ack":"applied","frame":5,"applied":2}"#).unwrap();
        assert_eq!((reply.id, reply.received_ns, reply.replied_ns), (Some(7), Some(1), Some(3)));
        assert_eq!((reply.frame, reply.applied), (Some(5), Some(2)));
    }

    #[test]
    fn non_objects_are_garbled() {
        for line in ["", "[]", "null", "{", "{}x", "\u{fffd}\u{1}"] {
            assert!(matches!(parse(line), Err(BridgeError::Garbled { .. })), "{line:?}");
        }
        for bytes in [b"\x05".as_slice(), b"", b"{}", b"\xc1"] {
            assert!(matches!(Reply::parse(bytes, Codec::Msgpack), Err(BridgeError::Garbled { .. })), "{bytes:?}");
        }
    }

    #[test]
    fn both_codecs_parse_alike() {
        let said = serde_json::json!({"id": 1_000_000_001, "status": "ok", "replied_ns": u64::MAX});
        let read = |codec: Codec| Reply::parse(&codec.encode(&said), codec).unwrap();
        assert_eq!(read(Codec::Json), read(Codec::Msgpack));
        assert_eq!(read(Codec::Msgpack).replied_ns, Some(u64::MAX));
    }

    #[test]
    fn unexpected_members_do_not_garble_an_object() {
        let reply = parse(r#"{"id":"x","status":"ok","type":5,"data":"text"}"#).unwrap();
        assert_eq!(reply, Reply { has_members: true, has_status: true, ..Reply::default() });
    }

    #[test]
    fn queue_overflow_is_reported_without_a_refusal() {
        let reply = parse(r#"{"id":1,"status":"overflow","queue_depth":9}"#).unwrap();
        assert_eq!((reply.overflow, reply.queue_depth), (true, Some(9)));
    }

    #[test]
    fn refusals_quote_each_dialects_error() {
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
    fn events_have_a_type_and_a_text_id() {
        let reply = parse(r#"{"type":"status","data":{"fps":59.9},"timestamp":1,"id":"12"}"#).unwrap();
        assert_eq!((reply.id, reply.event.as_deref(), reply.fps), (Some(12), Some("status"), Some(59.9)));
    }

    #[test]
    fn message_kind_depends_on_the_dialect() {
        let kind = |line: &str, name: &str| {
            Reply::read(line.as_bytes(), Codec::Json).unwrap().kind(Dialect::named(name).unwrap())
        };
        let ours = r#"{"id":1000000007,"status":"ok"}"#;
        for (line, name, expected) in [
            ("{}", "stock", MessageKind::Reply),
            (r#"{"event":"tick"}"#, "stock", MessageKind::Foreign),
            (r#"{"error":"no"}"#, "stock", MessageKind::Reply),
            (ours, "instrumented", MessageKind::Reply),
            ("{}", "instrumented", MessageKind::Foreign),
            (r#"{"id":7,"status":"ok"}"#, "instrumented", MessageKind::Foreign),
            (ours, "founding", MessageKind::Reply),
            ("{}", "founding", MessageKind::Foreign),
            (r#"{"type":"expression_set","data":{}}"#, "public-api", MessageKind::Reply),
            (r#"{"type":"status","data":{"fps":60}}"#, "public-api", MessageKind::Unsolicited),
            (r#"{"type":"weather"}"#, "public-api", MessageKind::Foreign),
        ] {
            assert_eq!(kind(line, name), expected, "{line} in {name}");
        }
    }

    #[test]
    fn long_refusals_are_truncated() {
        let line = format!(r#"{{"error":"{}"}}"#, "é".repeat(450_000));
        let Err(BridgeError::Refused { message }) = parse(&line) else { panic!("not refused") };
        assert_eq!(message.chars().count(), REFUSAL + 1);
    }
}
