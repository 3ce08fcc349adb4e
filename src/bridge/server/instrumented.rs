//! How the instrumented dialect understands a line and answers it: JSON read as JSON, and a reply to every line.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::action::{Action, Inert};
use super::message::{Moments, Order, Ticket as AnyTicket, Understood};
use crate::bridge::{Ack, Dialect};

/// The command that carries others.
const BATCH: &str = "batch";

#[derive(Debug, Deserialize)]
struct Request {
    command: String,
    data: Option<Map<String, Value>>,
    id: Option<Value>,
    ack: Option<Ack>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    command: String,
    data: Option<Map<String, Value>>,
}

/// What the reply to a request repeats.
#[derive(Debug)]
pub(super) struct Ticket {
    id: Option<Value>,
    command: String,
    ack: Ack,
    batch: Option<Batch>,
}

/// What became of the commands of a batch.
#[derive(Debug, Clone, Copy)]
struct Batch {
    applied: u64,
    rejected: u64,
}

#[derive(Debug, Serialize)]
struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    command: &'a str,
    ack: Ack,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<u64>,
    received_ns: u64,
    parsed_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dequeued_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_ns: Option<u64>,
    replied_ns: u64,
}

#[derive(Debug, Serialize)]
struct Refusal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    error: String,
}

impl Ticket {
    pub(super) fn line(&self, moments: &Moments) -> String {
        line(&Reply {
            id: self.id.as_ref(),
            command: &self.command,
            ack: self.ack,
            applied: self.batch.map(|batch| batch.applied),
            rejected: self.batch.map(|batch| batch.rejected),
            received_ns: moments.received_ns,
            parsed_ns: moments.parsed_ns,
            dequeued_ns: moments.dequeued_ns,
            applied_ns: moments.applied_ns,
            replied_ns: moments.replied_ns,
        })
    }
}

pub(super) fn understand(text: &str, dialect: &Dialect) -> Understood {
    let request: Request = match serde_json::from_str(text) {
        Ok(request) => request,
        Err(cause) => {
            let error = format!("not a request: {cause}");
            return Understood::Malformed(Some(line(&Refusal { id: None, command: None, error })));
        }
    };
    match actions(&request, dialect) {
        Ok((actions, ack, batch)) => Understood::Order(Order {
            actions,
            ack,
            ticket: AnyTicket::Named(Box::new(Ticket { id: request.id, command: request.command, ack, batch })),
        }),
        Err(error) => Understood::Unknown(Some(line(&Refusal {
            id: request.id.as_ref(),
            command: Some(&request.command),
            error,
        }))),
    }
}

type Actions = (Vec<Action>, Ack, Option<Batch>);

fn actions(request: &Request, dialect: &Dialect) -> Result<Actions, String> {
    if request.command == BATCH && dialect.batches {
        let commands = request.data.as_ref().and_then(|data| data.get("commands")).and_then(Value::as_array);
        let commands = commands.ok_or("`batch` lacks its list `commands`")?;
        let actions: Vec<Action> = commands.iter().filter_map(inner).collect();
        let batch = Batch { applied: actions.len() as u64, rejected: (commands.len() - actions.len()) as u64 };
        return Ok((actions, Ack::Applied, Some(batch)));
    }
    let Some(command) = dialect.command(&request.command) else { return Err("unknown command".to_owned()) };
    match Action::read(&command.name, request.data.as_ref().unwrap_or(&Map::new())) {
        Ok(action) => Ok((vec![action], request.ack.unwrap_or(command.ack), None)),
        Err(Inert::Lacks(argument)) => Err(format!("`{argument}` is missing or of another type")),
        Err(Inert::Unknown) => Err("unknown command".to_owned()),
    }
}

fn inner(command: &Value) -> Option<Action> {
    let Inner { command, data } = Inner::deserialize(command).ok()?;
    Action::read(&command, &data.unwrap_or_default()).ok()
}

fn line(reply: &impl Serialize) -> String {
    let mut line = serde_json::to_string(reply).expect("strings and numbers are always JSON");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(request: &Value) -> Order {
        match understand(&request.to_string(), Dialect::instrumented()) {
            Understood::Order(order) => order,
            other => panic!("{request}: {other:?}"),
        }
    }

    fn refusal(text: &str) -> Value {
        match understand(text, Dialect::instrumented()) {
            Understood::Malformed(Some(line)) | Understood::Unknown(Some(line)) => {
                assert!(line.ends_with('\n'));
                serde_json::from_str(&line).unwrap()
            }
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn the_reply_names_the_request_and_leaves_out_what_did_not_happen() {
        let order =
            order(&json!({"command": "set_auto_blink", "data": {"enabled": false}, "id": 17, "ack": "received"}));
        assert_eq!(order.ack, Ack::Received);
        let moments = Moments { received_ns: 1, parsed_ns: 2, replied_ns: 3, ..Moments::default() };
        assert_eq!(
            order.ticket.line(&moments),
            "{\"id\":17,\"command\":\"set_auto_blink\",\"ack\":\"received\",\
             \"received_ns\":1,\"parsed_ns\":2,\"replied_ns\":3}\n"
        );
    }

    #[test]
    fn a_batch_counts_what_it_rejects() {
        let order = order(&json!({"command": "batch", "id": "b", "data": {"commands": [
            {"command": "set_auto_blink", "data": {"enabled": false}},
            {"command": "reset_expressions"},
            {"command": "ping"},
            {"command": "set_expression"},
            "nothing",
        ]}}));
        assert_eq!(order.actions, [Action::SetAutoBlink { enabled: false }, Action::ResetExpressions]);
        let moments = Moments { dequeued_ns: Some(7), applied_ns: Some(8), ..Moments::default() };
        let reply: Value = serde_json::from_str(&order.ticket.line(&moments)).unwrap();
        assert_eq!((&reply["id"], &reply["ack"]), (&json!("b"), &json!("applied")));
        assert_eq!((&reply["applied"], &reply["rejected"]), (&json!(2), &json!(3)));
        assert_eq!((&reply["dequeued_ns"], &reply["applied_ns"]), (&json!(7), &json!(8)));
    }

    #[test]
    fn a_refusal_says_what_is_wrong() {
        assert_eq!(
            refusal(r#"{"command":"ping","id":4}"#),
            json!({"id": 4, "command": "ping", "error": "unknown command"})
        );
        let lacking = refusal(r#"{"command":"set_expression","data":{"name":"joy"}}"#);
        assert_eq!(lacking["error"], "`value` is missing or of another type");
        assert_eq!(refusal(r#"{"command":"batch"}"#)["error"], "`batch` lacks its list `commands`");
        assert!(refusal("{").get("command").is_none());
    }
}
