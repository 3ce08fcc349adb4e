//! How the stock bridge understands a line: it looks for words in it, and reads no JSON.
//!
//! A text is a command when `"command"` stands somewhere in it and so does the quoted name of a command it knows. The names are
//! tried in a fixed order, that of the dialect's table, wherever they stand: a batch of a blink and an expression acts as
//! `set_expression`. Whether the text is well-formed makes no difference. Arguments are the first values behind their keys.
//! Later versions look for their batch before any other name, answer it at once, and do nothing else.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::action::{Action, Arguments};
use super::message::{Order, Ticket, Understood};
use crate::bridge::{Ack, Applies, Command, Dialect};

pub(super) fn understand(payload: &[u8], dialect: &Dialect) -> Understood {
    // Whoever read it has made text of it already.
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

/// What the bridge takes a text for.
enum Known<'a> {
    Command(&'a Command),
    /// A batch that is answered, and no more.
    Batch,
}

impl<'a> Known<'a> {
    /// The first name, in the order in which the bridge tries them, that stands in the text.
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

/// Whether `word` stands in the text somewhere, in quotes.
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
    fn the_words_are_found_wherever_they_stand_well_formed_or_not() {
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
    fn the_names_are_tried_in_the_order_of_the_table_and_not_in_that_of_the_text() {
        let noted = order(r#"{"note":"set_auto_blink","command":"set_expression","data":{"name":"joy","value":1}}"#);
        assert_eq!((noted.actions, noted.ack), (joy(1.0), Some(Ack::Received)));
        let batch = order(
            r#"{"command":"batch","data":{"commands":[{"command":"set_auto_blink","data":{"enabled":true}},
               {"command":"set_expression","data":{"name":"joy","value":0.5}}]}}"#,
        );
        assert_eq!((batch.actions, batch.ack), (joy(0.5), Some(Ack::Received)));
    }

    #[test]
    fn a_name_must_stand_in_quotes_and_whole_and_beside_the_word_command() {
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
    fn a_key_is_not_taken_for_a_value() {
        let order = order(r#"{"command":"set_expression","as":"value","data":{"name":"joy","value":1}}"#);
        assert_eq!(order.actions, joy(1.0));
    }

    #[test]
    fn a_missing_argument_is_answered_and_does_nothing() {
        assert!(order(r#"{"command":"set_expression","data":{"name":3}}"#).actions.is_empty());
    }

    #[test]
    fn later_versions_answer_a_batch_and_leave_its_commands_alone() {
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
