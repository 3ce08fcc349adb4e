//! One dialect: parsed from TOML, checked, and used to build message bodies.

use std::collections::HashSet;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::DialectError;
use super::parts::{Ack, Batch, DialectCommand, FieldNames, ListeningSide, Probe, Probes, Replies};

/// One variant of the bridge's protocol.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // Independent facts.
pub struct Dialect {
    /// Name on the command line and in records.
    pub name: String,
    /// One line on how it differs from others.
    pub summary: String,
    /// Which side listens.
    #[serde(default)]
    pub listens: ListeningSide,
    /// The line the server sends on connect, without its line feed.
    pub greeting: String,
    /// Equivalent greetings.
    #[serde(default)]
    pub other_greetings: Vec<String>,
    /// Whether a greeting is required.
    #[serde(default = "yes")]
    pub greets: bool,
    /// Whether a reply echoes the request's `id`.
    pub ids: bool,
    /// Whether a reply carries the server's timestamps.
    pub stamps: bool,
    /// Whether a message may request a kind of reply: `"ack": "none"`, `"received"` or `"applied"`.
    #[serde(default)]
    pub chooses_ack: bool,
    /// Whether framing and codec can be negotiated with `hello`.
    #[serde(default)]
    pub hello: bool,
    /// The avatar's expressions.
    #[serde(default)]
    pub expressions: Vec<String>,
    /// How a message is written.
    pub fields: FieldNames,
    /// Format of replies.
    pub replies: Replies,
    /// How several commands are sent as one message; absent if unsupported.
    #[serde(default)]
    pub batch: Option<Batch>,
    /// The commands that the server defines.
    pub commands: Vec<DialectCommand>,
    /// The messages used for measuring.
    pub probes: Probes,
    /// Messages sent at the end, in order, to restore the avatar.
    pub restore: Vec<Probe>,
}

fn yes() -> bool {
    true
}

static BUILT_IN: LazyLock<[Dialect; 5]> = LazyLock::new(|| {
    [
        include_str!("../../../profiles/bridge/stock.toml"),
        include_str!("../../../profiles/bridge/batch.toml"),
        include_str!("../../../profiles/bridge/instrumented.toml"),
        include_str!("../../../profiles/bridge/founding.toml"),
        include_str!("../../../profiles/bridge/public-api.toml"),
    ]
    .map(|text| Dialect::parse(text).expect("the built-in dialects are checked by this module's tests"))
});

impl Dialect {
    /// The names of the built-in dialects, the default first.
    pub const NAMES: [&'static str; 5] = ["stock", "batch", "instrumented", "founding", "public-api"];

    /// The Unity bridge as it ships.
    #[must_use]
    pub fn stock() -> &'static Self {
        &BUILT_IN[0]
    }

    /// The stock commands with ids, timestamps and batches that are applied.
    #[must_use]
    pub fn instrumented() -> &'static Self {
        &BUILT_IN[2]
    }

    /// The built-in dialect `name`; [`DialectError::Unknown`] if there is none.
    pub fn named(name: &str) -> Result<&'static Self, DialectError> {
        BUILT_IN
            .iter()
            .find(|dialect| dialect.name == name)
            .ok_or_else(|| DialectError::Unknown { name: name.to_owned() })
    }

    /// Reads a dialect from a file. It is kept until the program ends, like the built-in ones.
    pub fn from_file(path: &Path) -> Result<&'static Self, DialectError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| DialectError::Unreadable { path: path.into(), source })?;
        Ok(Box::leak(Box::new(Self::parse(&text)?)))
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
    pub fn command(&self, name: &str) -> Option<&DialectCommand> {
        self.commands.iter().find(|command| command.name == name)
    }

    /// The harmless message with this kind of reply; `None` if no command has one.
    #[must_use]
    pub fn probe(&self, ack: Ack) -> Option<&Probe> {
        match ack {
            Ack::Received => self.probes.received.as_ref(),
            Ack::Applied => self.probes.applied.as_ref(),
        }
    }

    /// The kinds of replies that can be timed.
    #[must_use]
    pub fn acks(&self) -> Vec<Ack> {
        [Ack::Received, Ack::Applied].into_iter().filter(|ack| self.probe(*ack).is_some()).collect()
    }

    /// Whether this is a greeting of the dialect. A greeting matches if it has every member of the dialect's greeting
    /// with the same value; the bare one only matches itself.
    #[must_use]
    pub fn is_greeting(&self, line: &str) -> bool {
        let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
        let Some(greeting) = object(line) else { return line.is_empty() && !self.greets };
        std::iter::once(&self.greeting).chain(&self.other_greetings).filter_map(|text| object(text)).any(|expected| {
            if expected.is_empty() {
                return greeting.is_empty();
            }
            expected.iter().all(|(key, value)| greeting.get(key) == Some(value))
        })
    }

    /// Whether a message of that type answers a command. If a command does not state the type of its reply, any type
    /// may.
    #[must_use]
    pub fn is_reply_type(&self, event: &str) -> bool {
        self.commands.iter().any(|command| command.reply.as_ref().is_none_or(|reply| reply == event))
    }

    /// Body of a message with one command, without id.
    #[must_use]
    pub fn body(&self, command: &str, data: &Map<String, Value>) -> Map<String, Value> {
        let mut body = Map::from_iter([(self.fields.command.clone(), Value::from(command))]);
        match &self.fields.data {
            Some(_) if data.is_empty() => {}
            Some(key) => drop(body.insert(key.clone(), Value::Object(data.clone()))),
            None => body.extend(data.clone()),
        }
        body
    }

    /// Body of a message with several commands, without id; `None` if the dialect has no batches.
    #[must_use]
    pub fn batch_body(&self, commands: &[(&str, Map<String, Value>)]) -> Option<Map<String, Value>> {
        let batch = self.batch.as_ref()?;
        let list: Vec<Value> = commands.iter().map(|(name, data)| Value::Object(self.body(name, data))).collect();
        let mut data = Map::from_iter([(batch.list.clone(), Value::Array(list))]);
        data.extend(batch.count.as_ref().map(|count| (count.clone(), Value::from(commands.len()))));
        Some(match &batch.command {
            Some(command) => self.body(command, &data),
            None => data,
        })
    }

    fn fault(&self) -> Option<String> {
        if std::iter::once(&self.greeting).chain(&self.other_greetings).any(|line| line.contains(['\n', '\r'])) {
            return Some("the greeting is more than one line".to_owned());
        }
        if self.ids && self.fields.id.is_none() {
            return Some("`ids` needs `fields.id`: an id that is not sent cannot be echoed".to_owned());
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.commands.iter().find(|command| !seen.insert(&command.name)) {
            return Some(format!("command `{}` is listed twice", twice.name));
        }
        if self.acks().is_empty() {
            return Some("it has no probe".to_owned());
        }
        for (ack, probe) in [Ack::Received, Ack::Applied].map(|ack| (ack, self.probe(ack))) {
            let Some(Probe { command, .. }) = probe else { continue };
            if self.command(command).is_none_or(|listed| listed.ack != ack) {
                return Some(format!("probe `{command}` is not a command with the reply `{ack}`"));
            }
        }
        let mut sent = self.probes.received.iter().chain(&self.probes.applied).chain(&self.restore);
        sent.find(|probe| self.command(&probe.command).is_none_or(|command| command.destructive))
            .map(|probe| format!("`{}` is sent to avatars but is unknown or destructive", probe.command))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parts::BatchEffect;
    use super::*;

    #[test]
    fn built_in_dialects_are_found_by_name() {
        for name in Dialect::NAMES {
            assert_eq!(Dialect::named(name).unwrap().name, name);
        }
        let refused = Dialect::named("klingon").unwrap_err();
        assert_eq!(refused.to_string(), "dialect `klingon` is not known");
        assert!(refused.hint().contains("dialects are stock, batch, instrumented"), "{}", refused.hint());
    }

    #[test]
    fn stock_table_names_the_replying_thread() {
        let stock = Dialect::stock();
        let named = |ack| -> Vec<&str> {
            stock.commands.iter().filter(|command| command.ack == ack).map(|command| command.name.as_str()).collect()
        };
        assert_eq!(named(Ack::Received), ["set_expression", "reset_expressions", "set_transition_speed", "load_model"]);
        assert_eq!(named(Ack::Applied), ["set_auto_blink", "set_auto_head_movement", "unload_model"]);
        let destructive: Vec<_> = stock.commands.iter().filter(|command| command.destructive).collect();
        assert_eq!(destructive, [stock.command("unload_model").unwrap()]);
        assert!(stock.command("ping").is_none() && stock.command("batch").is_none());
        assert_eq!((stock.greeting.as_str(), stock.ids, stock.stamps, stock.hello), ("{}", false, false, false));
    }

    #[test]
    fn instrumented_dialect_has_stock_commands_and_its_own_greeting() {
        let (stock, instrumented) = (Dialect::stock(), Dialect::instrumented());
        assert_eq!(instrumented.commands, stock.commands);
        assert_eq!(instrumented.restore, stock.restore);
        assert!(instrumented.ids && instrumented.stamps && instrumented.chooses_ack && instrumented.hello);
        let greeting: Value = serde_json::from_str(&instrumented.greeting).unwrap();
        assert_eq!(greeting["dialect"], "instrumented");
    }

    #[test]
    fn probe_data_keeps_file_order() {
        let turned = include_str!("../../../profiles/bridge/stock.toml")
            .replace(r#"{ name = "neutral", value = 0.0 }"#, r#"{ value = 0.0, name = "neutral", a = 1 }"#);
        let dialect = Dialect::parse(&turned).unwrap();
        assert_eq!(
            serde_json::to_string(&dialect.probe(Ack::Received).unwrap().data).unwrap(),
            r#"{"value":0.0,"name":"neutral","a":1}"#
        );
    }

    #[test]
    fn contradictory_dialects_are_rejected_by_name() {
        let stock = include_str!("../../../profiles/bridge/stock.toml");
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
    fn batch_dialect_differs_from_stock_only_in_batches() {
        let (stock, batch) = (Dialect::stock(), Dialect::named("batch").unwrap());
        assert_eq!((&batch.commands, &batch.probes, &batch.restore), (&stock.commands, &stock.probes, &stock.restore));
        let applies = [stock, batch, Dialect::instrumented()].map(|dialect| dialect.batch.as_ref().unwrap().applies);
        assert_eq!(applies, [BatchEffect::First, BatchEffect::None, BatchEffect::All]);
    }

    #[test]
    fn greetings_match_by_members_and_bare_ones_exactly() {
        let fits = |name: &str, line: &str| Dialect::named(name).unwrap().is_greeting(line);
        assert!(fits("stock", "{}") && fits("stock", "{ }") && fits("instrumented", "{}"));
        assert!(!fits("stock", r#"{"status":"ok"}"#) && !fits("stock", ""));
        assert!(fits("public-api", r#"{"type":"ready","data":{},"timestamp":5,"id":"a"}"#));
        assert!(!fits("public-api", r#"{"type":"status"}"#) && !fits("public-api", "{}"));
        assert!(fits("founding", ""), "the documentation mentions no greeting");
    }

    #[test]
    fn bodies_follow_each_dialects_format() {
        let written = |name: &str, batch: bool| {
            let dialect = Dialect::named(name).unwrap();
            let probe = dialect.probes.received.as_ref().or(dialect.probes.applied.as_ref()).unwrap();
            let body = if batch {
                dialect.batch_body(&[(probe.command.as_str(), probe.data.clone())])
            } else {
                Some(dialect.body(&probe.command, &probe.data))
            };
            body.map(|body| Value::Object(body).to_string())
        };
        let inner = r#"{"command":"set_expression","data":{"name":"neutral","value":0.0}}"#;
        assert_eq!(written("stock", false).unwrap(), inner);
        let batch = format!(r#"{{"command":"batch","data":{{"commands":[{inner}],"count":1}}}}"#);
        assert_eq!(written("batch", true).unwrap(), batch);
        let inner = r#"{"command":"expression","name":"neutral","weight":0.0}"#;
        assert_eq!(written("founding", false).unwrap(), inner);
        assert_eq!(written("founding", true).unwrap(), format!(r#"{{"batch":[{inner}]}}"#));
        let envelope = r#"{"type":"set_expression","data":{"expression":"Neutral","weight":0.0,"duration":0.0}}"#;
        assert_eq!(written("public-api", false).unwrap(), envelope);
        assert_eq!(written("public-api", true), None);
    }

    #[test]
    fn acks_format_in_lower_case() {
        assert_eq!(format!("{:>9}", Ack::Applied), "  applied");
        assert_eq!(serde_json::to_string(&Ack::Received).unwrap(), "\"received\"");
    }
}
