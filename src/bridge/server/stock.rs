//! Parses lines like the stock bridge: by searching for words, not as JSON.
//!
//! A text is a command if it contains `"command"` and the quoted name of a known command. Names are tried in the order
//! of the dialect's table, wherever they occur: a batch with a blink and an expression acts as `set_expression`.
//! Whether the text is well-formed makes no difference. Arguments are the first values after their keys. Later versions
//! search for their batch before any other name, answer it at once, and apply nothing.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::action::{Action, Arguments};
use super::message::{ParsedMessage, QueuedCommands, ReplyContext};
use crate::bridge::{Ack, BatchEffect, Dialect, DialectCommand};

pub(super) fn parse(payload: &[u8], dialect: &Dialect) -> ParsedMessage {
    // The reader has already decoded it as text.
    let line = &String::from_utf8_lossy(payload);
    let order = |actions, ack| {
        ParsedMessage::Commands(QueuedCommands {
            actions,
            rejected: 0,
            ack: Some(ack),
            reply_context: ReplyContext::Bare,
        })
    };
    match FoundCommand::find(line, dialect) {
        Some(FoundCommand::Batch) => order(Vec::new(), Ack::Received),
        Some(FoundCommand::Command(command)) => {
            order(Action::read(&command.name, &QuotedArguments(line)).into_iter().collect(), command.ack)
        }
        None if serde_json::from_str::<IgnoredAny>(line).is_ok() => ParsedMessage::Unknown(None),
        None => ParsedMessage::Malformed(None),
    }
}

/// Interpretation of a text.
enum FoundCommand<'a> {
    Command(&'a DialectCommand),
    /// A batch, which is answered but not applied.
    Batch,
}

impl<'a> FoundCommand<'a> {
    /// The first name in the text, in the order in which the bridge tries them.
    fn find(text: &str, dialect: &'a Dialect) -> Option<Self> {
        if !contains_quoted(text, &dialect.fields.command) {
            return None;
        }
        let batch = dialect.batch.as_ref().filter(|batch| batch.applies == BatchEffect::None);
        if batch.and_then(|batch| batch.command.as_deref()).is_some_and(|name| contains_quoted(text, name)) {
            return Some(Self::Batch);
        }
        dialect.commands.iter().find(|command| contains_quoted(text, &command.name)).map(Self::Command)
    }
}

/// Whether the text contains `word` in quotes.
fn contains_quoted(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| text[..at].ends_with('"') && text[at + word.len()..].starts_with('"'))
}

/// A text in which arguments are found by their quoted keys.
struct QuotedArguments<'a>(&'a str);

impl<'a> QuotedArguments<'a> {
    fn value<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        let behind = self.0.match_indices(key).find_map(|(at, key)| {
            let opened = self.0[..at].ends_with('"');
            let after = self.0[at + key.len()..].strip_prefix('"').filter(|_| opened)?;
            after.trim_ascii_start().strip_prefix(':')
        })?;
        T::deserialize(&mut Deserializer::from_str(behind)).ok()
    }
}

impl Arguments for QuotedArguments<'_> {
    fn text(&self, key: &str) -> Option<String> {
        self.value(key)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.value(key)
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.value(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::Ack;

    fn order(line: &str) -> QueuedCommands {
        match parse(line.as_bytes(), Dialect::stock()) {
            ParsedMessage::Commands(order) => order,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn joy(value: f64) -> Vec<Action> {
        vec![Action::SetExpression { name: "joy".into(), value }]
    }

    #[test]
    fn names_are_found_anywhere_even_in_malformed_text() {
        for line in [
            r#"{"command": "set_expression", "data": {"name": "joy", "value": 0.5}}"#,
            r#"{"data":{"value" : 0.5,"name":"joy"},"command":"set_expression"}"#,
            r#"["command", "set_expression", {"name": "joy", "value": 0.5}]"#,
            r#"{"command":"set_expression","data":{"name":"joy","value":0.5"#,
            r#""set_expression" "command" "name":"joy" "value":0.5}}}}"#,
        ] {
            let order = order(line);
            assert_eq!((order.actions, order.ack), (joy(0.5), Some(Ack::Received)), "{line}");
        }
    }

    #[test]
    fn names_are_tried_in_table_order() {
        let noted = order(r#"{"note":"set_auto_blink","command":"set_expression","data":{"name":"joy","value":1}}"#);
        assert_eq!((noted.actions, noted.ack), (joy(1.0), Some(Ack::Received)));
        let batch = order(
            r#"{"command":"batch","data":{"commands":[{"command":"set_auto_blink","data":{"enabled":true}},
               {"command":"set_expression","data":{"name":"joy","value":0.5}}]}}"#,
        );
        assert_eq!((batch.actions, batch.ack), (joy(0.5), Some(Ack::Received)));
    }

    #[test]
    fn name_must_be_quoted_complete_and_with_the_command_key() {
        for line in [
            r#"{"command":"set_expressions"}"#,
            r#"{"command":"my set_expression"}"#,
            r#"{"command":"ping"}"#,
            r#"{"order":"set_expression","data":{"name":"joy","value":1}}"#,
        ] {
            assert!(matches!(parse(line.as_bytes(), Dialect::stock()), ParsedMessage::Unknown(None)), "{line}");
        }
        for line in ["set_expression", r#"{"command":set_expression}"#, r#"{"command":"ping""#] {
            assert!(matches!(parse(line.as_bytes(), Dialect::stock()), ParsedMessage::Malformed(None)), "{line}");
        }
    }

    #[test]
    fn key_is_not_mistaken_for_a_value() {
        let order = order(r#"{"command":"set_expression","as":"value","data":{"name":"joy","value":1}}"#);
        assert_eq!(order.actions, joy(1.0));
    }

    #[test]
    fn command_without_its_argument_is_answered_but_not_applied() {
        assert!(order(r#"{"command":"set_expression","data":{"name":3}}"#).actions.is_empty());
    }

    #[test]
    fn later_versions_answer_batches_without_applying_them() {
        let batch =
            br#"{"command":"batch","data":{"commands":[{"command":"set_auto_blink","data":{"enabled":false}}]}}"#;
        let understood = |dialect| match parse(batch, dialect) {
            ParsedMessage::Commands(order) => (order.actions, order.ack),
            other => panic!("{other:?}"),
        };
        assert_eq!(understood(Dialect::named("batch").unwrap()), (Vec::new(), Some(Ack::Received)));
        assert_eq!(understood(Dialect::stock()), (vec![Action::SetAutoBlink { enabled: false }], Some(Ack::Applied)));
    }
}
