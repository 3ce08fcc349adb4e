//! The wire format: how a message ends (framing) and how it is encoded (codec).

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How the end of a message is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// Terminated by a line feed.
    #[default]
    Lines,
    /// Preceded by its length: four bytes, big-endian, not counting themselves.
    Length,
}

/// How a message is encoded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// UTF-8 text.
    #[default]
    Json,
    /// `MessagePack`, whose bytes may include a line feed; needs [`Framing::Length`].
    Msgpack,
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Json => "json",
            Self::Msgpack => "msgpack",
        })
    }
}

impl std::str::FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Json, Self::Msgpack]
            .into_iter()
            .find(|codec| codec.to_string() == text)
            .ok_or_else(|| format!("'{text}' is not a codec: json or msgpack"))
    }
}

/// Bytes of a length prefix.
pub(super) const PREFIX: usize = 4;

/// Framing and codec together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wire {
    /// How messages end.
    #[serde(default)]
    pub framing: Framing,
    /// How messages are encoded.
    #[serde(default)]
    pub codec: Codec,
}

impl Wire {
    /// Size of a length prefix.
    pub const PREFIX_BYTES: usize = PREFIX;

    /// The initial format of every connection: JSON lines.
    pub const LINES: Self = Self { framing: Framing::Lines, codec: Codec::Json };

    /// Length-prefixed messages.
    #[must_use]
    pub fn prefixed(codec: Codec) -> Self {
        Self { framing: Framing::Length, codec }
    }

    /// Whether framing and codec can be combined.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self.framing == Framing::Length || self.codec == Codec::Json
    }

    /// Encodes and frames a message. Empty if it cannot be encoded, which does not happen for texts, numbers, lists and
    /// objects.
    pub(super) fn pack(self, message: &impl Serialize) -> Vec<u8> {
        let mut bytes = match self.framing {
            Framing::Lines => Vec::with_capacity(256),
            Framing::Length => vec![0; PREFIX],
        };
        let written = match self.codec {
            Codec::Json => serde_json::to_writer(&mut bytes, message).is_ok(),
            Codec::Msgpack => rmp_serde::encode::write_named(&mut bytes, message).is_ok(),
        };
        if !written {
            return Vec::new();
        }
        self.close(&mut bytes);
        bytes
    }

    /// Appends the line feed, or writes the length into the space reserved before the message.
    pub(super) fn close(self, bytes: &mut Vec<u8>) {
        match self.framing {
            Framing::Lines => bytes.push(b'\n'),
            Framing::Length => {
                let length = u32::try_from(bytes.len() - PREFIX).unwrap_or(u32::MAX);
                bytes[..PREFIX].copy_from_slice(&length.to_be_bytes());
            }
        }
    }

    /// Decodes a message without framing; the error is text.
    pub(super) fn read<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, String> {
        self.codec.decode(payload)
    }
}

impl Codec {
    /// Decodes a message without framing.
    ///
    /// # Errors
    /// The fault as text.
    pub fn decode<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, String> {
        match self {
            Self::Json => serde_json::from_slice(payload).map_err(|error| error.to_string()),
            Self::Msgpack => rmp_serde::from_slice(payload).map_err(|error| error.to_string()),
        }
    }

    /// Encodes a message without framing; empty if it cannot be encoded.
    #[must_use]
    pub fn encode(self, message: &impl Serialize) -> Vec<u8> {
        match self {
            Self::Json => serde_json::to_vec(message).unwrap_or_default(),
            Self::Msgpack => rmp_serde::to_vec_named(message).unwrap_or_default(),
        }
    }

    /// A readable excerpt of a payload, in characters.
    pub(super) fn excerpt(self, payload: &[u8], characters: usize) -> String {
        // A character takes at most four bytes, so the rest of a long message can be ignored.
        let payload = &payload[..payload.len().min(4 * characters)];
        let text: Cow<'_, str> = match self {
            Self::Json => String::from_utf8_lossy(payload),
            Self::Msgpack => format!("{payload:02x?}").into(),
        };
        text.chars().take(characters).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn framing_is_a_line_feed_or_a_length() {
        let message = json!({"a": 1});
        assert_eq!(Wire::LINES.pack(&message), b"{\"a\":1}\n");
        assert_eq!(Wire::prefixed(Codec::Json).pack(&message), b"\0\0\0\x07{\"a\":1}");
        assert_eq!(Wire::prefixed(Codec::Msgpack).pack(&message), b"\0\0\0\x04\x81\xa1a\x01");
        assert!(!Wire { framing: Framing::Lines, codec: Codec::Msgpack }.is_possible());
    }

    #[test]
    fn every_codec_round_trips() {
        let message = json!({"text": "é🦊", "list": [0.5, -1, 1_000_000_000_u64, true, null], "empty": {}});
        for codec in [Codec::Json, Codec::Msgpack] {
            assert_eq!(codec.decode::<Value>(&codec.encode(&message)).unwrap(), message);
            assert!(codec.decode::<Value>(b"\xc1").is_err());
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
    }
}
