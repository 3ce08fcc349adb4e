//! One reply line. The stock bridge answers `{}`; the instrumented one says which message it answers and when it did what.

use serde::Deserialize;
use serde_json::Value;

use super::error::BridgeError;

/// What a reply says. Stamps are nanoseconds of the server's own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Id of the message that it answers, where the dialect echoes it.
    pub id: Option<u64>,
    /// When the line had been read.
    pub received_ns: Option<u64>,
    /// When the reply was about to be written.
    pub replied_ns: Option<u64>,
}

/// The members that matter, whatever a foreign bridge puts there.
#[derive(Deserialize)]
struct Members {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    received_ns: Value,
    #[serde(default)]
    replied_ns: Value,
    #[serde(default)]
    error: Value,
}

/// Longest excerpt of a foreign line that a message quotes, in characters.
const EXCERPT: usize = 80;

impl Reply {
    /// Reads one line, without its newline.
    ///
    /// # Errors
    /// [`BridgeError::Garbled`] unless it is a JSON object, [`BridgeError::Refused`] if it reports an error.
    pub fn parse(line: &[u8]) -> Result<Self, BridgeError> {
        let garbled = || BridgeError::Garbled { line: String::from_utf8_lossy(line).chars().take(EXCERPT).collect() };
        if line.first() != Some(&b'{') {
            return Err(garbled());
        }
        let members: Members = serde_json::from_slice(line).map_err(|_| garbled())?;
        match members.error {
            Value::Null => Ok(Self {
                id: members.id.as_u64(),
                received_ns: members.received_ns.as_u64(),
                replied_ns: members.replied_ns.as_u64(),
            }),
            Value::String(message) => Err(BridgeError::Refused { message }),
            other => Err(BridgeError::Refused { message: other.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_reply_says_nothing_and_the_instrumented_one_says_which() {
        assert_eq!(Reply::parse(b"{}").unwrap().id, None);
        let reply = Reply::parse(br#"{"id":7,"received_ns":1,"replied_ns":3,"ack":"applied"}"#).unwrap();
        assert_eq!((reply.id, reply.received_ns, reply.replied_ns), (Some(7), Some(1), Some(3)));
    }

    #[test]
    fn what_is_not_an_object_is_garbled() {
        for line in ["", "[]", "null", "{", "{}x", "\u{fffd}\u{1}"] {
            assert!(matches!(Reply::parse(line.as_bytes()), Err(BridgeError::Garbled { .. })), "{line:?}");
        }
    }

    #[test]
    fn odd_members_of_an_object_do_not_garble_it() {
        assert_eq!(Reply::parse(br#"{"id":"x","status":"ok"}"#).unwrap().id, None);
        for line in [r#"{"error":"unknown command"}"#, r#"{"status":"error","error":{"code":4}}"#] {
            assert!(matches!(Reply::parse(line.as_bytes()), Err(BridgeError::Refused { .. })), "{line}");
        }
    }
}
