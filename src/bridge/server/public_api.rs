//! How the public API page's dialect is understood and answered: an envelope around every message, either way.
//!
//! Which code belongs to which fault is this stand-in's choice: `ERR_EXP_001` for an expression that it does not know or that
//! lacks an argument, `ERR_CONN_001` for everything else.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::action::{Action, Inert};
use super::message::{Order, Ticket as AnyTicket, Understood};
use crate::bridge::{Dialect, Wire};

#[derive(Debug, Deserialize)]
struct Request {
    #[serde(rename = "type")]
    kind: String,
    data: Option<Map<String, Value>>,
    id: Option<Value>,
}

/// What is said by itself has ids that no client gives.
const OWN_ID: &str = "unity";

/// What the reply to a request repeats.
#[derive(Debug)]
pub(super) struct Ticket {
    reply: String,
    command: String,
    id: Option<Value>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    data: Value,
    timestamp: i64,
    id: &'a Value,
}

fn envelope<'a>(kind: &'a str, data: Value, id: &'a Value) -> Envelope<'a> {
    Envelope { kind, data, timestamp: jiff::Timestamp::now().as_millisecond(), id }
}

impl Ticket {
    pub(super) fn pack(&self, wire: Wire) -> Vec<u8> {
        let id = self.id.clone().unwrap_or_else(|| OWN_ID.into());
        wire.pack(&envelope(&self.reply, json!({"command": self.command, "success": true}), &id))
    }
}

/// What is said on connect.
pub(super) fn ready() -> Value {
    json!(envelope("ready", json!({"bridge": "workly-perf embedded"}), &OWN_ID.into()))
}

/// What is said by itself now and then.
pub(super) fn status(fps: f64) -> Value {
    json!(envelope("status", json!({"fps": fps}), &OWN_ID.into()))
}

pub(super) fn understand(payload: &[u8], dialect: &Dialect) -> Understood {
    let request: Request = match serde_json::from_slice(payload) {
        Ok(request) => request,
        Err(cause) => {
            return Understood::Malformed(Some(error("", "ERR_CONN_001", &format!("not a message: {cause}"), None)));
        }
    };
    let refuse =
        |code: &str, why: &str| Understood::Unknown(Some(error(&request.kind, code, why, request.id.as_ref())));
    let Some(command) = dialect.command(&request.kind) else { return refuse("ERR_CONN_001", "unknown type") };
    let arguments = request.data.clone().unwrap_or_default();
    match Action::read(&command.name, &arguments) {
        Ok(Action::SetExpression { name, .. }) if !dialect.expressions.contains(&name) => {
            refuse("ERR_EXP_001", &format!("there is no expression `{name}`"))
        }
        Ok(action) => Understood::Order(Order {
            actions: vec![action],
            rejected: 0,
            ack: Some(command.ack),
            ticket: AnyTicket::Event(Box::new(Ticket {
                reply: command.reply.clone().unwrap_or_else(|| command.name.clone()),
                command: request.kind,
                id: request.id,
            })),
        }),
        Err(Inert::Lacks(argument)) => refuse("ERR_EXP_001", &format!("`{argument}` is missing or of another type")),
        Err(Inert::Unknown) => refuse("ERR_CONN_001", "unknown type"),
    }
}

fn error(command: &str, code: &str, message: &str, id: Option<&Value>) -> Value {
    let data = json!({"command": command, "message": message, "code": code, "severity": "error"});
    json!(envelope("error", data, id.unwrap_or(&OWN_ID.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> &'static Dialect {
        Dialect::named("public-api").unwrap()
    }

    #[test]
    fn a_reply_has_the_type_and_the_id_that_belong_to_it() {
        let line = br#"{"type":"set_expression","data":{"name":"Relaxed","value":0.5},"timestamp":1,"id":"a7"}"#;
        let Understood::Order(order) = understand(line, public()) else { panic!("not understood") };
        assert_eq!(order.actions, [Action::SetExpression { name: "Relaxed".into(), value: 0.5 }]);
        let AnyTicket::Event(ticket) = &order.ticket else { panic!("another ticket") };
        let reply: Value = serde_json::from_slice(ticket.pack(Wire::LINES).trim_ascii_end()).unwrap();
        assert_eq!((&reply["type"], &reply["id"]), (&json!("expression_set"), &json!("a7")));
        assert!(reply["timestamp"].is_u64());
    }

    #[test]
    fn errors_have_codes() {
        for (line, code) in [
            (r#"{"type":"set_expression","data":{"name":"joy","value":1},"id":"1"}"#, "ERR_EXP_001"),
            (r#"{"type":"set_expression","data":{"name":"Joy"},"id":"1"}"#, "ERR_EXP_001"),
            (r#"{"type":"dance","id":"1"}"#, "ERR_CONN_001"),
        ] {
            let Understood::Unknown(Some(said)) = understand(line.as_bytes(), public()) else { panic!("{line}") };
            assert_eq!(
                (&said["type"], &said["data"]["code"], &said["id"]),
                (&json!("error"), &json!(code), &json!("1"))
            );
        }
        assert!(matches!(understand(b"{", public()), Understood::Malformed(Some(_))));
    }
}
