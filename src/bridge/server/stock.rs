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
use super::message::{Order, Ticket, Understood};
use crate::bridge::{Ack, Applies, Command, Dialect};

pub(super) fn understand(payload: &[u8], dialect: &Dialect) -> Understood {
    // The reader has already decoded it as text.
    let line = &String::from_utf8_lossy(payload);
    let order = |actions, ack| Understood::Order(Order { actions, rejected: 0, ack: Some(ack), ticket: Ticket::Bare });
    match Known::find(line, dialect) {
        Some(Known::Batch) => order(Vec::new(), Ack::Received),
        Some(Known::Command(command)) => {
            order(Action::read(&command.name, &Words(line)).into_iter().collect(), command.ack)
        }
        None if serde_json::from_str::<IgnoredAny>(line).is_ok() => Understood::Unknown(None),
        None => Understood::Malformed(None),
    }
}

/// Interpretation of a text.
enum Known<'a> {
    Command(&'a Command),
    /// A batch, which is answered but not applied.
    Batch,
}

impl<'a> Known<'a> {
    /// The first name in the text, in the order in which the bridge tries them.
    fn find(text: &str, dialect: &'a Dialect) -> Option<Self> {
        if !quotes(text, &dialect.fields.command) {
            return None;
        }
        let batch = dialect.batch.as_ref().filter(|batch| batch.applies == Applies::None);
        if batch.and_then(|batch| batch.command.as_deref()).is_some_and(|name| quotes(text, name)) {
            return Some(Self::Batch);
        }
        dialect.commands.iter().find(|command| quotes(text, &command.name)).map(Self::Command)
    }
}

/// Whether the text contains `word` in quotes.
fn quotes(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| text[..at].ends_with('"') && text[at + word.len()..].starts_with('"'))
}

/// A text in which arguments are found by their quoted keys.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn value<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        let behind = self.0.match_indices(key).find_map(|(at, key)| {
            let opened = self.0[..at].ends_with('"');
            let after = self.0[at + key.len()..].strip_prefix('"').filter(|_| opened)?;
            after.trim_ascii_start().strip_prefix(':')
        })?;
        T::deserialize(&mut Deserializer::from_str(behind)).ok()
    }
}

impl Arguments for Words<'_> {
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

    fn order(line: &str) -> Order {
        match understand(line.as_bytes(), Dialect::stock()) {
            Understood::Order(order) => order,
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
            assert!(matches!(understand(line.as_bytes(), Dialect::stock()), Understood::Unknown(None)), "{line}");
        }
        for line in ["set_expression", r#"{"command":set_expression}"#, r#"{"command":"ping""#] {
            assert!(matches!(understand(line.as_bytes(), Dialect::stock()), Understood::Malformed(None)), "{line}");
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
        let understood = |dialect| match understand(batch, dialect) {
            Understood::Order(order) => (order.actions, order.ack),
            other => panic!("{other:?}"),
        };
        assert_eq!(understood(Dialect::named("batch").unwrap()), (Vec::new(), Some(Ack::Received)));
        assert_eq!(understood(Dialect::stock()), (vec![Action::SetAutoBlink { enabled: false }], Some(Ack::Applied)));
    }
}
