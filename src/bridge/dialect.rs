//! Dialects of the bridge as data: which commands exist, who answers them, and what is harmless to send.
//!
//! A dialect is a TOML file under `profiles/bridge/`, built into the program. This module reads and checks it; it opens no
//! sockets and knows neither client nor server.

use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a reply tells, which follows from the thread that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// Sent by the socket thread: the message was parsed and queued, and is not shown yet.
    Received,
    /// Sent by Unity's main thread inside a frame: the command took effect.
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
pub struct Command {
    /// The value of the message's `command`.
    pub name: String,
    /// Who answers it, and so what its reply means.
    pub ack: Ack,
    /// Whether it takes something away from the user; such a command is never sent to measure.
    #[serde(default)]
    pub destructive: bool,
}

/// A message that may be sent to someone's avatar: a command and its data, keys in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// A name from the command table.
    pub command: String,
    /// The message's `data`; empty for a command that takes none.
    #[serde(default)]
    pub data: Map<String, Value>,
}

/// The harmless message that times each kind of reply.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// Answered by the socket thread.
    pub received: Probe,
    /// Answered by the main thread; its `enabled` is to be replaced by what the user's configuration says.
    pub applied: Probe,
}

/// One way of speaking to a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// Its name on the command line and in records.
    pub name: String,
    /// One line on what sets it apart.
    pub summary: String,
    /// The line the server sends on connect, without its line feed.
    pub greeting: String,
    /// Whether a reply echoes the request's `id`.
    pub ids: bool,
    /// Whether a reply carries the server's time stamps.
    pub stamps: bool,
    /// Whether the commands inside a `batch` are applied.
    pub batches: bool,
    /// The commands that are answered; whatever is not listed is unknown to the server.
    pub commands: Vec<Command>,
    /// What is sent to measure.
    pub probes: Probes,
    /// What is sent at the end, in order, to leave the avatar as it was found.
    pub restore: Vec<Probe>,
}

/// Why a dialect cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DialectError {
    /// No built-in dialect has this name.
    #[error("dialect `{name}` is not known\nhint: dialects are {}", Dialect::NAMES.join(", "))]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// The text is not a dialect.
    #[error("a dialect file cannot be read: {source}")]
    Syntax {
        /// Where and why.
        #[from]
        source: toml::de::Error,
    },
    /// The text is a dialect that contradicts itself.
    #[error("dialect `{dialect}`: {fault}")]
    Inconsistent {
        /// The dialect's name.
        dialect: String,
        /// What contradicts what.
        fault: String,
    },
}

static STOCK: LazyLock<Dialect> = LazyLock::new(|| built_in(include_str!("../../profiles/bridge/stock.toml")));
static INSTRUMENTED: LazyLock<Dialect> =
    LazyLock::new(|| built_in(include_str!("../../profiles/bridge/instrumented.toml")));

fn built_in(text: &str) -> Dialect {
    Dialect::parse(text).expect("the built-in dialects are checked by this module's tests")
}

impl Dialect {
    /// The names of the built-in dialects, the default first.
    pub const NAMES: [&'static str; 2] = ["stock", "instrumented"];

    /// The Unity bridge as it ships.
    #[must_use]
    pub fn stock() -> &'static Self {
        &STOCK
    }

    /// The stock commands with ids, time stamps and batches that are applied.
    #[must_use]
    pub fn instrumented() -> &'static Self {
        &INSTRUMENTED
    }

    /// The built-in dialect of that name; [`DialectError::Unknown`] when there is none.
    pub fn named(name: &str) -> Result<&'static Self, DialectError> {
        [Self::stock(), Self::instrumented()]
            .into_iter()
            .find(|dialect| dialect.name == name)
            .ok_or_else(|| DialectError::Unknown { name: name.to_owned() })
    }

    /// Reads a dialect from TOML and checks that it does not contradict itself.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        let dialect: Self = toml::from_str(text)?;
        match dialect.fault() {
            None => Ok(dialect),
            Some(fault) => Err(DialectError::Inconsistent { dialect: dialect.name, fault }),
        }
    }

    /// The row of the command table with that name.
    #[must_use]
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// The harmless message whose reply is of that kind.
    #[must_use]
    pub fn probe(&self, ack: Ack) -> &Probe {
        match ack {
            Ack::Received => &self.probes.received,
            Ack::Applied => &self.probes.applied,
        }
    }

    fn fault(&self) -> Option<String> {
        if self.greeting.contains(['\n', '\r']) {
            return Some("the greeting is more than one line".to_owned());
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.commands.iter().find(|command| !seen.insert(&command.name)) {
            return Some(format!("command `{}` is listed twice", twice.name));
        }
        for ack in [Ack::Received, Ack::Applied] {
            let name = &self.probe(ack).command;
            if self.command(name).is_none_or(|command| command.ack != ack) {
                return Some(format!("probe `{name}` is not a command with the reply `{ack}`"));
            }
        }
        let mut sent = [&self.probes.received, &self.probes.applied].into_iter().chain(&self.restore);
        sent.find(|probe| self.command(&probe.command).is_none_or(|command| command.destructive))
            .map(|probe| format!("`{}` is sent to avatars, and is unknown or destructive", probe.command))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_dialect_is_found_by_its_name() {
        for name in Dialect::NAMES {
            assert_eq!(Dialect::named(name).unwrap().name, name);
        }
        let refused = Dialect::named("klingon").unwrap_err().to_string();
        assert!(
            refused.contains("`klingon`") && refused.contains("hint: dialects are stock, instrumented"),
            "{refused}"
        );
    }

    #[test]
    fn the_stock_table_says_who_answers() {
        let stock = Dialect::stock();
        let named = |ack| -> Vec<&str> {
            stock.commands.iter().filter(|command| command.ack == ack).map(|command| command.name.as_str()).collect()
        };
        assert_eq!(named(Ack::Received), ["set_expression", "reset_expressions", "set_transition_speed", "load_model"]);
        assert_eq!(named(Ack::Applied), ["set_auto_blink", "set_auto_head_movement", "unload_model"]);
        let destructive: Vec<_> = stock.commands.iter().filter(|command| command.destructive).collect();
        assert_eq!(destructive, [stock.command("unload_model").unwrap()]);
        assert!(stock.command("ping").is_none() && stock.command("batch").is_none());
        assert_eq!((stock.greeting.as_str(), stock.ids, stock.stamps, stock.batches), ("{}", false, false, false));
    }

    #[test]
    fn the_instrumented_dialect_has_the_stock_commands_and_a_greeting_that_names_it() {
        let (stock, instrumented) = (Dialect::stock(), Dialect::instrumented());
        assert_eq!(instrumented.commands, stock.commands);
        assert_eq!(instrumented.restore, stock.restore);
        assert!(instrumented.ids && instrumented.stamps && instrumented.batches);
        let greeting: Value = serde_json::from_str(&instrumented.greeting).unwrap();
        assert_eq!(greeting["dialect"], "instrumented");
    }

    #[test]
    fn probe_data_keeps_the_order_of_the_file() {
        let turned = include_str!("../../profiles/bridge/stock.toml")
            .replace(r#"{ name = "neutral", value = 0.0 }"#, r#"{ value = 0.0, name = "neutral", a = 1 }"#);
        let dialect = Dialect::parse(&turned).unwrap();
        assert_eq!(
            serde_json::to_string(&dialect.probe(Ack::Received).data).unwrap(),
            r#"{"value":0.0,"name":"neutral","a":1}"#
        );
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        let stock = include_str!("../../profiles/bridge/stock.toml");
        let faults = [
            (stock.replace("name = \"load_model\"", "name = \"set_expression\""), "`set_expression` is listed twice"),
            (stock.replace("greeting = \"{}\"", "greeting = \"{\\n}\""), "more than one line"),
            (
                stock.replace("[probes.applied]\ncommand = \"set_auto_blink\"", "[probes.applied]\ncommand = \"ping\""),
                "probe `ping` is not a command with the reply `applied`",
            ),
            (stock.replace("command = \"reset_expressions\"", "command = \"unload_model\""), "unknown or destructive"),
        ];
        for (text, expected) in faults {
            let refused = Dialect::parse(&text).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        assert!(matches!(Dialect::parse("name = 1"), Err(DialectError::Syntax { .. })));
    }

    #[test]
    fn an_ack_is_written_in_lower_case() {
        assert_eq!(format!("{:>9}", Ack::Applied), "  applied");
        assert_eq!(serde_json::to_string(&Ack::Received).unwrap(), "\"received\"");
    }
}
