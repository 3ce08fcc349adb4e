//! Parses and answers the `founding` dialect: flat commands, each with a status reply.
//!
//! The dialect's document does not define the reply to a failed command; here it is `{"status": "error", "message":
//! …}`.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::action::{Action, Inert};
use super::message::{Order, Ticket as AnyTicket, Understood};
use crate::bridge::{Ack, Dialect};

/// Contents of a reply besides `ok`.
#[derive(Debug, Serialize)]
pub(super) struct Ticket {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed: Option<usize>,
}

pub(super) fn understand(payload: &[u8], dialect: &Dialect) -> Understood {
    let request: Map<String, Value> = match serde_json::from_slice(payload) {
        Ok(request) => request,
        Err(cause) => return Understood::Malformed(Some(refusal(&format!("not a command: {cause}")))),
    };
    let list = dialect.batch.as_ref().and_then(|batch| request.get(&batch.list)).and_then(Value::as_array);
    match list {
        Some(list) => batch(list, dialect),
        None => single(&request, dialect),
    }
}

fn batch(list: &[Value], dialect: &Dialect) -> Understood {
    let inner = |command: &Value| action(command.as_object()?, dialect).ok();
    let actions: Vec<Action> = list.iter().filter_map(inner).collect();
    let rejected = (list.len() - actions.len()) as u64;
    let none = actions.is_empty() && rejected > 0;
    let message = none.then(|| format!("none of the {rejected} commands of this batch can be carried out"));
    let status = if none { "error" } else { "ok" };
    let ticket = Ticket { status, message, processed: Some(actions.len()) };
    Understood::Order(Order { actions, rejected, ack: Some(Ack::Applied), ticket: AnyTicket::Status(Box::new(ticket)) })
}

fn single(request: &Map<String, Value>, dialect: &Dialect) -> Understood {
    match action(request, dialect) {
        Ok(action) => {
            let name = request[&dialect.fields.command].as_str().unwrap_or_default();
            let ack = dialect.command(name).map_or(Ack::Received, |command| command.ack);
            let ticket = Ticket { status: "ok", message: Some(format!("{name} received")), processed: None };
            Understood::Order(Order {
                actions: vec![action],
                rejected: 0,
                ack: Some(ack),
                ticket: AnyTicket::Status(Box::new(ticket)),
            })
        }
        Err(why) => Understood::Unknown(Some(refusal(&why))),
    }
}

fn action(request: &Map<String, Value>, dialect: &Dialect) -> Result<Action, String> {
    let name = request.get(&dialect.fields.command).and_then(Value::as_str).unwrap_or_default();
    let command = dialect.command(name).ok_or_else(|| format!("unknown command `{name}`"))?;
    Action::read(&command.name, request).map_err(|inert| match inert {
        Inert::Lacks(argument) => format!("`{argument}` is missing or of another type"),
        Inert::Unknown => format!("unknown command `{name}`"),
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
        let Understood::Order(order) = understand(line, founding()) else { panic!("not understood") };
        assert_eq!(order.actions, [Action::SetExpression { name: "happy".into(), value: 1.0 }]);
        assert_eq!(order.ack, Some(Ack::Received));
    }

    #[test]
    fn batch_reply_counts_processed_commands() {
        let line = br#"{"batch":[{"command":"expression","name":"joy","weight":1},{"command":"move"},5]}"#;
        let Understood::Order(order) = understand(line, founding()) else { panic!("not understood") };
        let AnyTicket::Status(ticket) = &order.ticket else { panic!("another ticket") };
        assert_eq!(serde_json::to_value(ticket).unwrap(), json!({"status": "ok", "processed": 1}));
        assert_eq!((order.actions.len(), order.rejected, order.ack), (1, 2, Some(Ack::Applied)));
    }

    #[test]
    fn batch_without_processed_commands_is_an_error() {
        let line = br#"{"batch":[{"command":"move"},{"command":"expression"}]}"#;
        let Understood::Order(order) = understand(line, founding()) else { panic!("not understood") };
        let AnyTicket::Status(ticket) = &order.ticket else { panic!("another ticket") };
        let message = "none of the 2 commands of this batch can be carried out";
        let expected = json!({"status": "error", "message": message, "processed": 0});
        assert_eq!(serde_json::to_value(ticket).unwrap(), expected);
    }

    #[test]
    fn failed_command_gets_an_error_status() {
        let unknown = understand(br#"{"command":"set_expression","data":{"name":"joy","value":1}}"#, founding());
        let Understood::Unknown(Some(refusal)) = unknown else { panic!("not refused") };
        assert_eq!(refusal["status"], "error");
        assert!(matches!(understand(b"{", founding()), Understood::Malformed(Some(_))));
    }
}
