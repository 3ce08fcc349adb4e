//! What may be recorded about a message without its content: the name of its command if known, its id, and the kind of
//! reply. Everything else is private.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::dialect::{Ack, Dialect};
use super::super::wire::Codec;

/// Replaces unknown names, which could be anything.
const OTHER: &str = "other";

/// Name of an object without members, the stock bridge's only reply.
const BARE: &str = "{}";

/// Name of a blank line, which is not a message.
const BLANK: &str = "blank";

/// Maximum length of a text accepted as an id.
const LONGEST_ID: usize = 64;

/// Further known names besides the commands of the dialects: requests and unsolicited messages.
const NAMES: [&str; 6] = ["batch", "stats", "hello", "ready", "status", "error"];

/// The commands of all built-in dialects, with the kind of a stock bridge's reply, if any.
static KNOWN: LazyLock<HashMap<String, Option<Ack>>> = LazyLock::new(|| {
    let mut known: HashMap<String, Option<Ack>> = NAMES.map(|name| (name.to_owned(), None)).into();
    for dialect in Dialect::NAMES.iter().filter_map(|name| Dialect::named(name).ok()) {
        for command in &dialect.commands {
            known.entry(command.name.clone()).or_default();
            known.extend(command.reply.iter().map(|reply| (reply.clone(), None)));
        }
    }
    for command in &Dialect::stock().commands {
        known.insert(command.name.clone(), Some(command.ack));
    }
    // Later versions answer it from the socket thread.
    known.insert("batch".into(), Some(Ack::Received));
    known
});

/// Message types that are replies, in the dialects whose replies have one.
static REPLIES: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let dialects = Dialect::NAMES.iter().filter_map(|name| Dialect::named(name).ok());
    let replies = dialects.flat_map(|dialect| dialect.commands.iter().filter_map(|command| command.reply.clone()));
    replies.chain(["error".to_owned()]).collect()
});

/// The id of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MessageId {
    /// A number.
    Number(u64),
    /// A short word of letters, digits, `-` and `_`.
    Word(String),
}

/// Recorded facts about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageMetadata {
    /// Name of the command or event: a known one, `{}`, or `other`.
    pub name: String,
    /// Its id, unless it could be private text.
    pub id: Option<MessageId>,
    /// For a request: the kind of reply due, by the stock table or as requested; `None` if none is due by that table.
    pub wants: Option<Ack>,
    /// For a reply: the kind it states.
    pub tells: Option<Ack>,
    /// Whether it asks for no reply.
    pub wants_none: bool,
    /// Whether its type only occurs in replies.
    pub is_reply: bool,
}

impl MessageMetadata {
    /// Inspects a message without framing.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        if content.trim_ascii().is_empty() {
            return Self { name: BLANK.into(), ..Self::other() };
        }
        let codec = if content.trim_ascii_start().starts_with(b"{") { Codec::Json } else { Codec::Msgpack };
        let Ok(Value::Object(message)) = codec.decode::<Value>(content) else { return Self::other() };
        if message.is_empty() {
            return Self { name: BARE.into(), ..Self::other() };
        }
        let name = ["command", "type"].iter().find_map(|key| message.get(*key)?.as_str());
        let known = name.and_then(|name| KNOWN.get_key_value(name));
        let ack = message.get("ack").and_then(Value::as_str);
        let told = ack.and_then(|ack| [Ack::Received, Ack::Applied].into_iter().find(|known| known.to_string() == ack));
        let wants_none = ack == Some("none");
        Self {
            name: known.map_or(OTHER.into(), |(name, _)| name.clone()),
            id: message.get("id").and_then(id_of),
            wants: told.or_else(|| *known?.1).filter(|_| !wants_none),
            tells: told,
            wants_none,
            is_reply: name.is_some_and(|name| REPLIES.contains(name)),
        }
    }

    /// Whether it is a blank line.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.name == BLANK
    }

    fn other() -> Self {
        Self { name: OTHER.into(), id: None, wants: None, tells: None, wants_none: false, is_reply: false }
    }
}

fn id_of(id: &Value) -> Option<MessageId> {
    match id {
        Value::Number(number) => number.as_u64().map(MessageId::Number),
        Value::String(word) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (word.len() <= LONGEST_ID && word.bytes().all(plain)).then(|| MessageId::Word(word.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_names_are_recorded() {
        let seen = MessageMetadata::of(br#"{"command": "set_expression", "data": {"name": "joy", "value": 0.5}}"#);
        assert_eq!((seen.name.as_str(), seen.wants, seen.id), ("set_expression", Some(Ack::Received), None));
        assert_eq!(MessageMetadata::of(br#"{"command": "set_auto_blink"}"#).wants, Some(Ack::Applied));
        for private in [r#"{"command": "Dear diary"}"#, r#"{"chat": "hello"}"#, "[1]", "no JSON", "{\"command\": 3}"] {
            assert_eq!(MessageMetadata::of(private.as_bytes()), MessageMetadata::other(), "{private}");
        }
        assert_eq!(MessageMetadata::of(b"{}").name, "{}");
        assert_eq!(MessageMetadata::of(br#"{"type":"expression_set","id":"a-1"}"#).name, "expression_set");
    }

    #[test]
    fn ids_are_recorded_unless_they_could_be_text() {
        let id = |id: &str| MessageMetadata::of(format!(r#"{{"command":"stats","id":{id}}}"#).as_bytes()).id;
        assert_eq!(id("7"), Some(MessageId::Number(7)));
        assert_eq!(id(r#""a-1_B""#), Some(MessageId::Word("a-1_B".into())));
        for private in [r#""dear diary""#.to_owned(), format!("\"{}\"", "x".repeat(65)), "[1]".into(), "null".into()] {
            assert_eq!(id(&private), None, "{private}");
        }
    }

    #[test]
    fn reply_states_its_kind_and_request_may_want_none() {
        let reply = MessageMetadata::of(br#"{"id":1,"command":"set_auto_blink","ack":"applied","status":"ok"}"#);
        assert_eq!(reply.tells, Some(Ack::Applied));
        let silent = MessageMetadata::of(br#"{"command":"reset_expressions","ack":"none"}"#);
        assert_eq!((silent.wants, silent.wants_none), (None, true));
    }

    #[test]
    fn messagepack_is_supported() {
        let message = serde_json::json!({"command": "set_auto_blink", "id": 9});
        let seen = MessageMetadata::of(&Codec::Msgpack.encode(&message));
        assert_eq!((seen.name.as_str(), seen.id), ("set_auto_blink", Some(MessageId::Number(9))));
    }
}
