//! Parses and answers the `public-api` dialect: an envelope around every message in both directions.
//!
//! The API page does not assign codes to faults; the choice here is `ERR_EXP_001` for an unknown expression or one that
//! lacks an argument, and `ERR_CONN_001` for everything else.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::action::{Action, NoEffect};
use super::message::{ParsedMessage, QueuedCommands, ReplyContext};
use crate::bridge::{Dialect, Wire};

#[derive(Debug, Deserialize)]
struct EventRequest {
    #[serde(rename = "type")]
    kind: String,
    data: Option<Map<String, Value>>,
}

/// What the reply to a request repeats; according to the API page, not the id.
#[derive(Debug)]
pub(super) struct EventReply {
    reply: String,
    command: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    data: Value,
    timestamp: String,
}

fn envelope(kind: &str, data: Value) -> Envelope<'_> {
    Envelope { kind, data, timestamp: format!("{:.3}", jiff::Timestamp::now()) }
}

impl EventReply {
    pub(super) fn pack(&self, wire: Wire) -> Vec<u8> {
        wire.pack(&envelope(&self.reply, json!({"command": self.command, "success": true})))
    }
}

/// The greeting.
pub(super) fn ready() -> Value {
    json!(envelope("ready", json!({"bridge": "workly-perf embedded"})))
}

/// The periodic unsolicited status.
pub(super) fn status(fps: f64) -> Value {
    json!(envelope("status", json!({"fps": fps})))
}

/// An expression's arguments under the names used by [`Action`].
fn arguments(request: &EventRequest) -> Map<String, Value> {
    let name = |key: &str| match key {
        "expression" => Some("name".to_owned()),
        "weight" => Some("value".to_owned()),
        // Names from other dialects do not exist on the API page.
        "name" | "value" => None,
        _ => Some(key.to_owned()),
    };
    let data = request.data.iter().flatten();
    data.filter_map(|(key, value)| Some((name(key)?, value.clone()))).collect()
}

pub(super) fn parse(payload: &[u8], dialect: &Dialect) -> ParsedMessage {
    let request: EventRequest = match serde_json::from_slice(payload) {
        Ok(request) => request,
        Err(cause) => {
            return ParsedMessage::Malformed(Some(error("", "ERR_CONN_001", &format!("not a message: {cause}"))));
        }
    };
    let refuse = |code: &str, why: &str| ParsedMessage::Unknown(Some(error(&request.kind, code, why)));
    let Some(command) = dialect.command(&request.kind) else { return refuse("ERR_CONN_001", "unknown type") };
    match Action::read(&command.name, &arguments(&request)) {
        Ok(Action::SetExpression { name, .. }) if !dialect.expressions.contains(&name) => {
            refuse("ERR_EXP_001", &format!("there is no expression `{name}`"))
        }
        Ok(action) => ParsedMessage::Commands(QueuedCommands {
            actions: vec![action],
            rejected: 0,
            ack: Some(command.ack),
            reply_context: ReplyContext::Event(Box::new(EventReply {
                reply: command.reply.clone().unwrap_or_else(|| command.name.clone()),
                command: request.kind,
            })),
        }),
        Err(NoEffect::Lacks(argument)) => {
            let argument = if argument == "name" { "expression" } else { "weight" };
            refuse("ERR_EXP_001", &format!("`{argument}` is missing or of another type"))
        }
        Err(NoEffect::Unknown) => refuse("ERR_CONN_001", "unknown type"),
    }
}

fn error(command: &str, code: &str, message: &str) -> Value {
    let data = json!({"command": command, "message": message, "code": code, "severity": "error"});
    json!(envelope("error", data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public() -> &'static Dialect {
        Dialect::named("public-api").unwrap()
    }

    #[test]
    fn replies_have_the_matching_type_and_no_id() {
        let line =
            br#"{"type":"set_expression","data":{"expression":"Relaxed","weight":0.5,"duration":0.2},"id":"a7"}"#;
        let ParsedMessage::Commands(order) = parse(line, public()) else { panic!("not understood") };
        assert_eq!(order.actions, [Action::SetExpression { name: "Relaxed".into(), value: 0.5 }]);
        let ReplyContext::Event(reply_context) = &order.reply_context else { panic!("another ticket") };
        let reply: Value = serde_json::from_slice(reply_context.pack(Wire::LINES).trim_ascii_end()).unwrap();
        assert_eq!((&reply["type"], reply.get("id")), (&json!("expression_set"), None));
        assert!(reply["timestamp"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn errors_have_codes() {
        for (line, code) in [
            (r#"{"type":"set_expression","data":{"expression":"joy","weight":1},"id":"1"}"#, "ERR_EXP_001"),
            (r#"{"type":"set_expression","data":{"expression":"Joy"},"id":"1"}"#, "ERR_EXP_001"),
            (r#"{"type":"dance","id":"1"}"#, "ERR_CONN_001"),
        ] {
            let ParsedMessage::Unknown(Some(said)) = parse(line.as_bytes(), public()) else { panic!("{line}") };
            assert_eq!((&said["type"], &said["data"]["code"]), (&json!("error"), &json!(code)));
        }
        assert!(matches!(parse(b"{", public()), ParsedMessage::Malformed(Some(_))));
    }
}
