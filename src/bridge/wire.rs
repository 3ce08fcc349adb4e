//! What goes over the wire: how a message ends (framing) and how it is written (codec).

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How the end of a message is found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framing {
    /// A line feed ends it.
    #[default]
    Lines,
    /// Its length comes before it: four bytes, the most significant first, which do not count themselves.
    Length,
}

/// How a message is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// UTF-8 text.
    #[default]
    Json,
    /// `MessagePack`, whose bytes may include a line feed: it needs [`Framing::Length`].
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
    /// How they are written.
    #[serde(default)]
    pub codec: Codec,
}

impl Wire {
    /// Bytes that a length takes.
    pub const PREFIX_BYTES: usize = PREFIX;

    /// What every connection begins with: JSON, a line each.
    pub const LINES: Self = Self { framing: Framing::Lines, codec: Codec::Json };

    /// Length-prefixed messages.
    #[must_use]
    pub fn prefixed(codec: Codec) -> Self {
        Self { framing: Framing::Length, codec }
    }

    /// Whether the two go together.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self.framing == Framing::Length || self.codec == Codec::Json
    }

    /// A message, encoded and framed. Empty for what cannot be encoded, which is nothing made of texts, numbers, lists and
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

    /// Puts the line feed behind a message, or its length into the place kept before it.
    pub(super) fn close(self, bytes: &mut Vec<u8>) {
        match self.framing {
            Framing::Lines => bytes.push(b'\n'),
            Framing::Length => {
                let length = u32::try_from(bytes.len() - PREFIX).unwrap_or(u32::MAX);
                bytes[..PREFIX].copy_from_slice(&length.to_be_bytes());
            }
        }
    }

    /// What a message without its frame says; the fault in words where it says nothing.
    pub(super) fn read<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, String> {
        self.codec.decode(payload)
    }
}

impl Codec {
    /// What a message without its frame says.
    ///
    /// # Errors
    /// The fault in words.
    pub fn decode<T: DeserializeOwned>(self, payload: &[u8]) -> Result<T, String> {
        match self {
            Self::Json => serde_json::from_slice(payload).map_err(|error| error.to_string()),
            Self::Msgpack => rmp_serde::from_slice(payload).map_err(|error| error.to_string()),
        }
    }

    /// A message without a frame; empty for what cannot be encoded.
    #[must_use]
    pub fn encode(self, message: &impl Serialize) -> Vec<u8> {
        match self {
            Self::Json => serde_json::to_vec(message).unwrap_or_default(),
            Self::Msgpack => rmp_serde::to_vec_named(message).unwrap_or_default(),
        }
    }

    /// A payload as a person reads it, cut to so many characters.
    pub(super) fn excerpt(self, payload: &[u8], characters: usize) -> String {
        // A character takes four bytes at most: the rest of a long message is not looked at.
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
    fn the_frame_is_a_line_feed_or_a_length() {
        let message = json!({"a": 1});
        assert_eq!(Wire::LINES.pack(&message), b"{\"a\":1}\n");
        assert_eq!(Wire::prefixed(Codec::Json).pack(&message), b"\0\0\0\x07{\"a\":1}");
        assert_eq!(Wire::prefixed(Codec::Msgpack).pack(&message), b"\0\0\0\x04\x81\xa1a\x01");
        assert!(!Wire { framing: Framing::Lines, codec: Codec::Msgpack }.is_possible());
    }

    #[test]
    fn every_codec_reads_back_what_it_wrote() {
        let message = json!({"text": "é🦊", "list": [0.5, -1, 1_000_000_000_u64, true, null], "empty": {}});
        for codec in [Codec::Json, Codec::Msgpack] {
            assert_eq!(codec.decode::<Value>(&codec.encode(&message)).unwrap(), message);
            assert!(codec.decode::<Value>(b"\xc1").is_err());
            assert_eq!(codec.to_string().parse(), Ok(codec));
        }
    }
}
