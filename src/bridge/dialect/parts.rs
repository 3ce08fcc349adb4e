//! The parts of a dialect.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a reply means, which follows from the thread that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Sent by the socket thread: the message was parsed and queued but not applied yet.
    Received,
    /// Sent by Unity's main thread within a frame: the command was applied.
    Applied,
}

impl fmt::Display for Ack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Received => "received",
            Self::Applied => "applied",
        })
    }
}

/// One row of a dialect's command table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DialectCommand {
    /// Name in messages.
    pub name: String,
    /// The thread that answers it, which determines what its reply means.
    pub ack: Ack,
    /// Whether it is destructive for the user; such commands are never sent for a measurement.
    #[serde(default)]
    pub destructive: bool,
    /// The type of its reply, in a dialect whose replies have one.
    #[serde(default)]
    pub reply: Option<String>,
}

/// A harmless message: a command and its data, keys in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// A name from the command table.
    pub command: String,
    /// The message's `data`; empty for a command that takes none.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// The argument that switches a setting on or off.
const SWITCH: &str = "enabled";

impl Probe {
    /// Its data. If it switches something on or off, `enabled` decides which; `None` keeps the data's own value.
    #[must_use]
    pub fn switched(&self, enabled: Option<bool>) -> Map<String, Value> {
        let mut data = self.data.clone();
        if let (Some(switch), Some(enabled)) = (data.get_mut(SWITCH), enabled) {
            *switch = Value::Bool(enabled);
        }
        data
    }

    /// The state it switches to by its own data; `None` if it is not a switch.
    #[must_use]
    pub fn switches_to(&self) -> Option<bool> {
        self.data.get(SWITCH)?.as_bool()
    }
}

/// The harmless message used to time each kind of reply; at least one is present.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// Answered by the socket thread.
    #[serde(default)]
    pub received: Option<Probe>,
    /// Answered by the main thread; its `enabled` is replaced by the value in the user's configuration, if any.
    #[serde(default)]
    pub applied: Option<Probe>,
}

/// Which side listens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListeningSide {
    /// Unity listens.
    #[default]
    Bridge,
    /// The application listens and Unity connects.
    Client,
}

/// Names of a message's members.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldNames {
    /// The command's name.
    pub command: String,
    /// Its arguments; absent if they are next to it.
    #[serde(default)]
    pub data: Option<String>,
    /// The id; absent if messages have none. Whether replies repeat it is stated by [`super::Dialect::ids`].
    #[serde(default)]
    pub id: Option<String>,
    /// Whether the id is a string instead of a number.
    #[serde(default)]
    pub id_is_text: bool,
    /// The creation time; absent if messages have none.
    #[serde(default)]
    pub timestamp: Option<String>,
    /// Whether that is an ISO 8601 string in UTC instead of milliseconds since 1970.
    #[serde(default)]
    pub timestamp_is_text: bool,
}

/// Format of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReplyForm {
    /// `{}`.
    Bare,
    /// Id, kind of reply, and the server's timestamps.
    Stamped,
    /// `{"status", "message"}`.
    Status,
    /// An envelope `{"type", "data", "timestamp", "id"}`.
    Event,
}

/// How the bridge replies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replies {
    /// Format of a reply.
    pub form: ReplyForm,
    /// Types of unsolicited messages: they answer nothing and are not surplus.
    #[serde(default)]
    pub unsolicited: Vec<String>,
}

/// Which commands of a batch take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchEffect {
    /// All of them.
    All,
    /// The first one.
    First,
    /// None, although the batch is answered.
    None,
}

/// How several commands are sent as one message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// The command that contains the others; absent if the list is a message by itself.
    #[serde(default)]
    pub command: Option<String>,
    /// The name of the list.
    pub list: String,
    /// The key that repeats the length of the list; absent if there is none.
    #[serde(default)]
    pub count: Option<String>,
    /// Which commands are applied, according to the documentation. `ipc --batch` checks this itself.
    pub applies: BatchEffect,
    /// The reply's key for the number of commands applied; absent if there is none.
    #[serde(default)]
    pub counted_by: Option<String>,
}
