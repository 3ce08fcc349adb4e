//! Parses and answers the `founding` dialect: flat commands, each with a status reply.
//!
//! The dialect's document does not define the reply to a failed command; here it is `{"status": "error", "message":
//! …}`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::action::{Action, NoEffect};
use super::message::{ParsedMessage, QueuedCommands, ReplyContext};
use crate::bridge::{Ack, Dialect};

/// Contents of a reply besides `ok`.
#[derive(Debug, Serialize)]
pub(super) struct StatusReply {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed: Option<usize>,
}

pub(super) fn parse(payload: &[u8], dialect: &Dialect) -> ParsedMessage {
    let request: Map<String, Value> = match serde_json::from_slice(payload) {
        Ok(request) => request,
        Err(cause) => return ParsedMessage::Malformed(Some(refusal(&format!("not a command: {cause}")))),
    };
    let list = dialect.batch.as_ref().and_then(|batch| request.get(&batch.list)).and_then(Value::as_array);
    match list {
        Some(list) => batch(list, dialect),
        None => single(&request, dialect),
    }
}

fn batch(list: &[Value], dialect: &Dialect) -> ParsedMessage {
    let inner = |command: &Value| action(command.as_object()?, dialect).ok();
    let actions: Vec<Action> = list.iter().filter_map(inner).collect();
    let rejected = (list.len() - actions.len()) as u64;
    let none = actions.is_empty() && rejected > 0;
    let message = none.then(|| format!("none of the {rejected} commands of this batch can be carried out"));
    let status = if none { "error" } else { "ok" };
    let reply_context = StatusReply { status, message, processed: Some(actions.len()) };
    ParsedMessage::Commands(QueuedCommands {
        actions,
        rejected,
        ack: Some(Ack::Applied),
        reply_context: ReplyContext::Status(Box::new(reply_context)),
    })
}

fn single(request: &Map<String, Value>, dialect: &Dialect) -> ParsedMessage {
    match action(request, dialect) {
        Ok(action) => {
            let name = request[&dialect.fields.command].as_str().unwrap_or_default();
            let ack = dialect.command(name).map_or(Ack::Received, |command| command.ack);
            let reply_context =
                StatusReply { status: "ok", message: Some(format!("{name} received")), processed: None };
            ParsedMessage::Commands(QueuedCommands {
                actions: vec![action],
                rejected: 0,
                ack: Some(ack),
                reply_context: ReplyContext::Status(Box::new(reply_context)),
            })
        }
        Err(why) => ParsedMessage::Unknown(Some(refusal(&why))),
    }
}

fn action(request: &Map<String, Value>, dialect: &Dialect) -> Result<Action, String> {
    let name = request.get(&dialect.fields.command).and_then(Value::as_str).unwrap_or_default();
    let command = dialect.command(name).ok_or_else(|| format!("unknown command `{name}`"))?;
    Action::read(&command.name, request).map_err(|inert| match inert {
        NoEffect::Lacks(argument) => format!("`{argument}` is missing or of another type"),
        NoEffect::Unknown => format!("unknown command `{name}`"),
    })
}

fn refusal(message: &str) -> Value {
    json!({"status": "error", "message": message})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn founding() -> &'static Dialect {
        Dialect::named("founding").unwrap()
    }

    #[test]
    fn arguments_are_next_to_the_command() {
        let line = br#"{"command":"expression","name":"happy","weight":1.0}"#;
        let ParsedMessage::Commands(order) = parse(line, founding()) else { panic!("not understood") };
        assert_eq!(order.actions, [Action::SetExpression { name: "happy".into(), value: 1.0 }]);
        assert_eq!(order.ack, Some(Ack::Received));
    }

    #[test]
    fn batch_reply_counts_processed_commands() {
        let line = br#"{"batch":[{"command":"expression","name":"joy","weight":1},{"command":"move"},5]}"#;
        let ParsedMessage::Commands(order) = parse(line, founding()) else { panic!("not understood") };
        let ReplyContext::Status(reply_context) = &order.reply_context else { panic!("another ticket") };
        assert_eq!(serde_json::to_value(reply_context).unwrap(), json!({"status": "ok", "processed": 1}));
        assert_eq!((order.actions.len(), order.rejected, order.ack), (1, 2, Some(Ack::Applied)));
    }

    #[test]
    fn batch_without_processed_commands_is_an_error() {
        let line = br#"{"batch":[{"command":"move"},{"command":"expression"}]}"#;
        let ParsedMessage::Commands(order) = parse(line, founding()) else { panic!("not understood") };
        let ReplyContext::Status(reply_context) = &order.reply_context else { panic!("another ticket") };
        let message = "none of the 2 commands of this batch can be carried out";
        let expected = json!({"status": "error", "message": message, "processed": 0});
        assert_eq!(serde_json::to_value(reply_context).unwrap(), expected);
    }

    #[test]
    fn failed_command_gets_an_error_status() {
        let unknown = parse(br#"{"command":"set_expression","data":{"name":"joy","value":1}}"#, founding());
        let ParsedMessage::Unknown(Some(refusal)) = unknown else { panic!("not refused") };
        assert_eq!(refusal["status"], "error");
        assert!(matches!(parse(b"{", founding()), ParsedMessage::Malformed(Some(_))));
    }
}
