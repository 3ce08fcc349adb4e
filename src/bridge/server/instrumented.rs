//! Parses and answers the `instrumented` dialect: lines are parsed as JSON, and every line gets a reply.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::action::{Action, NoEffect};
use super::hello;
use super::message::{MessageTimes, ParsedMessage, QueuedCommands, ReplyContext};
use super::queue::Overflow;
use super::shared::Shared;
use crate::bridge::{Ack, Dialect, Wire};

/// The command that contains others.
const BATCH: &str = "batch";

/// The command that negotiates framing or codec.
const HELLO: &str = "hello";

/// The command that requests the counters.
const STATS: &str = "stats";

#[derive(Debug, Deserialize)]
struct InstrumentedRequest {
    command: String,
    data: Option<Map<String, Value>>,
    id: Option<Value>,
    ack: Option<RequestedAck>,
}

/// The reply that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RequestedAck {
    Received,
    Applied,
    None,
}

impl RequestedAck {
    fn ack(self) -> Option<Ack> {
        match self {
            Self::Received => Some(Ack::Received),
            Self::Applied => Some(Ack::Applied),
            Self::None => None,
        }
    }
}

#[derive(Debug, Deserialize)]
struct InnerCommand {
    command: String,
    data: Option<Map<String, Value>>,
}

/// What the reply to a request repeats.
#[derive(Debug)]
pub(super) struct InstrumentedReply {
    id: Option<Value>,
    command: String,
    ack: Option<Ack>,
    body: ReplyBody,
}

/// Contents of a reply besides its timestamps.
#[derive(Debug, Clone, Copy)]
enum ReplyBody {
    /// None.
    Command,
    /// Number of commands of a batch that can be applied, and that cannot.
    Batch { taken: u64, rejected: u64 },
    /// The counters at the time of the reply.
    Stats,
}

impl ReplyBody {
    /// The status and, for `error`, the reason. A batch gets `ok` only if all of it was accepted.
    fn outcome(self) -> (&'static str, Option<String>) {
        match self {
            Self::Batch { taken: 0, rejected } if rejected > 0 => {
                ("error", Some(format!("none of the {rejected} commands of this batch can be carried out")))
            }
            Self::Batch { rejected, .. } if rejected > 0 => ("partial", None),
            Self::Command | Self::Batch { .. } | Self::Stats => ("ok", None),
        }
    }
}

#[derive(Debug, Serialize)]
struct ReplyJson<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<Ack>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queued: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<u64>,
    received_ns: u64,
    parsed_ns: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_depth: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue_capacity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dequeued_ns: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied_ns: Option<u64>,
    replied_ns: u64,
}

/// The reply to `stats`: that of any command, plus the counters.
#[derive(Debug, Serialize)]
struct StatsReply<'a> {
    #[serde(flatten)]
    reply: ReplyJson<'a>,
    received: u64,
    applied: u64,
    rejected: u64,
    overflowed: u64,
    queue_high_water: u64,
    frames: u64,
}

#[derive(Debug, Serialize)]
struct Refusal<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    status: &'static str,
    error: String,
}

impl InstrumentedReply {
    pub(super) fn pack(&self, times: &MessageTimes, shared: &Shared, wire: Wire) -> Vec<u8> {
        let reply = self.reply(times);
        let ReplyBody::Stats = self.body else { return wire.pack(&reply) };
        let (depth, high_water, capacity) = shared.queue.lengths();
        let counters = shared.counters();
        wire.pack(&StatsReply {
            reply: ReplyJson { queue_depth: Some(depth), queue_capacity: Some(capacity), ..reply },
            received: counters.received,
            applied: counters.applied,
            rejected: counters.rejected,
            overflowed: counters.overflowed,
            queue_high_water: high_water,
            frames: counters.frames,
        })
    }

    pub(super) fn pack_overflow(&self, times: &MessageTimes, overflow: Overflow, wire: Wire) -> Vec<u8> {
        wire.pack(&ReplyJson {
            ack: None,
            status: "overflow",
            error: None,
            applied: None,
            queued: None,
            queue_depth: Some(overflow.depth),
            queue_capacity: Some(overflow.capacity),
            ..self.reply(times)
        })
    }

    fn reply(&self, times: &MessageTimes) -> ReplyJson<'_> {
        let (taken, rejected) = match self.body {
            ReplyBody::Batch { taken, rejected } => (Some(taken), Some(rejected)),
            ReplyBody::Command | ReplyBody::Stats => (None, None),
        };
        let (status, error) = self.body.outcome();
        let (applied, queued) = if self.ack == Some(Ack::Applied) { (taken, None) } else { (None, taken) };
        ReplyJson {
            id: self.id.as_ref(),
            command: &self.command,
            // If nothing was accepted, nothing is acknowledged.
            ack: self.ack.filter(|_| error.is_none()),
            status,
            error,
            applied,
            queued,
            rejected,
            received_ns: times.received_ns,
            parsed_ns: times.parsed_ns,
            queue_depth: times.queue_depth,
            queue_capacity: None,
            frame: times.frame.map(|frame| frame.number),
            frame_ns: times.frame.map(|frame| frame.begin_ns),
            dequeued_ns: times.dequeued_ns,
            applied_ns: times.applied_ns,
            replied_ns: times.replied_ns,
        }
    }
}

pub(super) fn parse(payload: &[u8], dialect: &Dialect, wire: Wire) -> ParsedMessage {
    let request: InstrumentedRequest = match wire.read(payload) {
        Ok(request) => request,
        Err(cause) => {
            let error = format!("not a request: {cause}");
            return ParsedMessage::Malformed(Some(json!(Refusal { id: None, command: None, status: "error", error })));
        }
    };
    if request.command == HELLO {
        return ParsedMessage::Hello(hello::agree(request.id.as_ref(), request.data.as_ref()));
    }
    match parse_request(&request, dialect) {
        Ok(ParsedRequest { actions, ack, body }) => {
            let rejected = if let ReplyBody::Batch { rejected, .. } = body { rejected } else { 0 };
            let reply_context = ReplyContext::Named(Box::new(InstrumentedReply {
                id: request.id,
                command: request.command,
                ack,
                body,
            }));
            match body {
                ReplyBody::Stats if ack == Some(Ack::Received) => ParsedMessage::Query(reply_context),
                _ => ParsedMessage::Commands(QueuedCommands { actions, rejected, ack, reply_context }),
            }
        }
        Err(_) if request.ack == Some(RequestedAck::None) => ParsedMessage::Unknown(None),
        Err(error) => ParsedMessage::Unknown(Some(json!(Refusal {
            id: request.id.as_ref(),
            command: Some(&request.command),
            status: "error",
            error,
        }))),
    }
}

/// Result of parsing a request.
struct ParsedRequest {
    actions: Vec<Action>,
    ack: Option<Ack>,
    body: ReplyBody,
}

fn parse_request(request: &InstrumentedRequest, dialect: &Dialect) -> Result<ParsedRequest, String> {
    let ack = |by_default| request.ack.map_or(Some(by_default), RequestedAck::ack);
    if request.command == STATS {
        return Ok(ParsedRequest { actions: Vec::new(), ack: ack(Ack::Received), body: ReplyBody::Stats });
    }
    if request.command == BATCH && dialect.batch.is_some() {
        let commands = request.data.as_ref().and_then(|data| data.get("commands")).and_then(Value::as_array);
        let commands = commands.ok_or("`batch` lacks its list `commands`")?;
        let actions: Vec<Action> = commands.iter().filter_map(inner_action).collect();
        let taken = actions.len() as u64;
        let body = ReplyBody::Batch { taken, rejected: commands.len() as u64 - taken };
        return Ok(ParsedRequest { actions, ack: ack(Ack::Applied), body });
    }
    let Some(command) = dialect.command(&request.command) else { return Err("unknown command".to_owned()) };
    match Action::read(&command.name, request.data.as_ref().unwrap_or(&Map::new())) {
        Ok(action) => Ok(ParsedRequest { actions: vec![action], ack: ack(command.ack), body: ReplyBody::Command }),
        Err(NoEffect::Lacks(argument)) => Err(format!("`{argument}` is missing or of another type")),
        Err(NoEffect::Unknown) => Err("unknown command".to_owned()),
    }
}

fn inner_action(command: &Value) -> Option<Action> {
    let InnerCommand { command, data } = InnerCommand::deserialize(command).ok()?;
    Action::read(&command, &data.unwrap_or_default()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(request: &Value) -> QueuedCommands {
        match parse(request.to_string().as_bytes(), Dialect::instrumented(), Wire::LINES) {
            ParsedMessage::Commands(order) => order,
            other => panic!("{request}: {other:?}"),
        }
    }

    fn shared() -> Shared {
        Shared::new("dialect=instrumented".parse().unwrap())
    }

    fn refusal(text: &str) -> Value {
        match parse(text.as_bytes(), Dialect::instrumented(), Wire::LINES) {
            ParsedMessage::Malformed(Some(refusal)) | ParsedMessage::Unknown(Some(refusal)) => refusal,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn reply_names_the_request_and_omits_absent_times() {
        let order =
            order(&json!({"command": "set_auto_blink", "data": {"enabled": false}, "id": 17, "ack": "received"}));
        assert_eq!(order.ack, Some(Ack::Received));
        let times = MessageTimes { received_ns: 1, parsed_ns: 2, replied_ns: 3, ..MessageTimes::default() };
        assert_eq!(
            String::from_utf8(order.reply_context.pack(&times, &shared(), Wire::LINES).into_owned()).unwrap(),
            "{\"id\":17,\"command\":\"set_auto_blink\",\"ack\":\"received\",\"status\":\"ok\",\
             \"received_ns\":1,\"parsed_ns\":2,\"replied_ns\":3}\n"
        );
    }

    #[test]
    fn batch_reply_counts_rejected_commands() {
        let order = order(&json!({"command": "batch", "id": "b", "data": {"commands": [
            {"command": "set_auto_blink", "data": {"enabled": false}},
            {"command": "reset_expressions"},
            {"command": "ping"},
            {"command": "set_expression"},
            "nothing",
        ]}}));
        assert_eq!(order.actions, [Action::SetAutoBlink { enabled: false }, Action::ResetExpressions]);
        let times = MessageTimes { dequeued_ns: Some(7), applied_ns: Some(8), ..MessageTimes::default() };
        let reply: Value = serde_json::from_slice(&order.reply_context.pack(&times, &shared(), Wire::LINES)).unwrap();
        assert_eq!((&reply["id"], &reply["ack"]), (&json!("b"), &json!("applied")));
        assert_eq!((&reply["applied"], &reply["rejected"]), (&json!(2), &json!(3)));
        assert_eq!(reply["status"], "partial");
        assert_eq!((&reply["dequeued_ns"], &reply["applied_ns"]), (&json!(7), &json!(8)));
    }

    #[test]
    fn fully_rejected_batch_is_an_error_and_an_empty_one_is_not() {
        let said = |commands: Value, ack: &str| -> Value {
            let order = order(&json!({"command": "batch", "id": 1, "ack": ack, "data": {"commands": commands}}));
            serde_json::from_slice(&order.reply_context.pack(&MessageTimes::default(), &shared(), Wire::LINES)).unwrap()
        };
        for (ack, count) in [("applied", "applied"), ("received", "queued")] {
            let none = said(json!(vec![json!({"command": "ping"}); 10]), ack);
            assert_eq!((&none["status"], &none[count], &none["rejected"]), (&json!("error"), &json!(0), &json!(10)));
            assert_eq!(none["error"], "none of the 10 commands of this batch can be carried out");
            assert!(none.get("ack").is_none(), "{none}");
            let empty = said(json!([]), ack);
            assert_eq!((&empty["status"], &empty[count], empty.get("error")), (&json!("ok"), &json!(0), None));
        }
    }

    #[test]
    fn overflow_reply_reports_the_queue_without_an_ack() {
        let order =
            order(&json!({"command": "batch", "id": 3, "data": {"commands": [{"command": "reset_expressions"}]}}));
        let overflow = Overflow { depth: 9, capacity: 9 };
        let said = order.reply_context.pack_overflow(&MessageTimes::default(), &shared(), overflow, Wire::LINES);
        let reply: Value = serde_json::from_slice(&said).unwrap();
        let told = ["id", "status", "queue_depth", "queue_capacity"].map(|key| reply[key].clone());
        assert_eq!(told, [json!(3), json!("overflow"), json!(9), json!(9)]);
        assert!(["ack", "applied", "queued"].iter().all(|key| reply.get(key).is_none()), "{reply}");
    }

    #[test]
    fn ack_none_suppresses_even_refusals() {
        let silent = order(&json!({"command": "reset_expressions", "ack": "none"}));
        assert_eq!((silent.ack, silent.actions.len()), (None, 1));
        let unknown = parse(br#"{"command":"ping","ack":"none"}"#, Dialect::instrumented(), Wire::LINES);
        assert!(matches!(unknown, ParsedMessage::Unknown(None)));
    }

    #[test]
    fn refusal_names_the_fault() {
        assert_eq!(
            refusal(r#"{"command":"ping","id":4}"#),
            json!({"id": 4, "command": "ping", "status": "error", "error": "unknown command"})
        );
        let lacking = refusal(r#"{"command":"set_expression","data":{"name":"joy"}}"#);
        assert_eq!(lacking["error"], "`value` is missing or of another type");
        assert_eq!(refusal(r#"{"command":"batch"}"#)["error"], "`batch` lacks its list `commands`");
        assert!(refusal("{").get("command").is_none());
    }
}
