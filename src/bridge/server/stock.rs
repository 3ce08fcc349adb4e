//! How the stock bridge understands a line: by looking for words in it.
//!
//! The line has to be JSON, but its structure is not looked at. The known command name that stands first, in quotes, is the
//! command; arguments are the first values behind their keys. A batch therefore acts as its first command. Later versions know
//! its name as well, answer it at once, and do nothing else.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::action::{Action, Arguments};
use super::message::{Order, Ticket, Understood};
use crate::bridge::{Ack, Applies, Command, Dialect};

pub(super) fn understand(payload: &[u8], dialect: &Dialect) -> Understood {
    // Whoever read it has made text of it already.
    let line = &String::from_utf8_lossy(payload);
    if serde_json::from_str::<IgnoredAny>(line).is_err() {
        return Understood::Malformed(None);
    }
    match first_known(line, dialect) {
        None => Understood::Unknown(None),
        Some(Known::Batch) => Understood::Order(Order {
            actions: Vec::new(),
            rejected: 0,
            ack: Some(Ack::Received),
            ticket: Ticket::Bare,
        }),
        Some(Known::Command(command)) => Understood::Order(Order {
            actions: Action::read(&command.name, &Words(line)).into_iter().collect(),
            rejected: 0,
            ack: Some(command.ack),
            ticket: Ticket::Bare,
        }),
    }
}

/// What a word of the text may name.
enum Known<'a> {
    Command(&'a Command),
    /// A batch that is answered, and no more.
    Batch,
}

/// What the first known name in quotes stands for.
fn first_known<'a>(text: &str, dialect: &'a Dialect) -> Option<Known<'a>> {
    let batch = dialect.batch.as_ref().filter(|batch| batch.applies == Applies::None);
    let batch = batch.and_then(|batch| batch.command.as_deref());
    text.match_indices('"').find_map(|(at, quote)| {
        let word = &text[at + quote.len()..];
        let is_it = |name: &str| word.strip_prefix(name).is_some_and(|after| after.starts_with('"'));
        if batch.is_some_and(is_it) {
            return Some(Known::Batch);
        }
        dialect.commands.iter().find(|command| is_it(&command.name)).map(Known::Command)
    })
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
    fn the_words_are_found_wherever_they_stand() {
        for line in [
            r#"{"command": "set_expression", "data": {"name": "joy", "value": 0.5}}"#,
            r#"{"data":{"value" : 0.5,"name":"joy"},"command":"set_expression"}"#,
            r#"["set_expression", {"name": "joy", "value": 0.5}]"#,
        ] {
            let order = order(line);
            assert_eq!((order.actions, order.ack), (joy(0.5), Some(Ack::Received)), "{line}");
        }
    }

    #[test]
    fn the_first_name_in_the_text_wins() {
        let order = order(r#"{"note":"set_auto_blink","command":"set_expression","data":{"enabled":false}}"#);
        assert_eq!((order.actions, order.ack), (vec![Action::SetAutoBlink { enabled: false }], Some(Ack::Applied)));
    }

    #[test]
    fn a_name_must_stand_in_quotes_and_whole() {
        for line in [r#"{"command":"set_expressions"}"#, r#"{"command":"my set_expression"}"#, r#"{"a":"ping"}"#] {
            assert!(matches!(understand(line.as_bytes(), Dialect::stock()), Understood::Unknown(None)), "{line}");
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
    fn what_is_not_json_is_malformed() {
        for line in [r#"{"command":"set_expression""#, "set_expression", r#"{"command":"set_expression"}}"#] {
            assert!(matches!(understand(line.as_bytes(), Dialect::stock()), Understood::Malformed(None)), "{line}");
        }
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
