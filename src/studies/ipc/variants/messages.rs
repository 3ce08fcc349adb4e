//! The messages of each way: harmless commands in the required form.

use serde_json::{Map, Value, json};

use crate::bridge::{Ack, Codec, Dialect, Message, Probe, Wire};
use crate::plan::{IpcPlan, MessageShape};

/// A command and its arguments.
pub(super) type BatchCommand = (String, Map<String, Value>);

fn part(plan: &IpcPlan, probe: &Probe) -> BatchCommand {
    (probe.command.clone(), probe.switched(plan.bridge.blink))
}

/// The command answered by the main thread; if there is none, the other.
pub(super) fn applied(plan: &IpcPlan) -> Option<BatchCommand> {
    plan.bridge.dialect.probe(Ack::Applied).or(plan.bridge.dialect.probe(Ack::Received)).map(|probe| part(plan, probe))
}

/// The command answered by the socket thread; if there is none, the other.
pub(super) fn received(plan: &IpcPlan) -> Option<BatchCommand> {
    plan.bridge.dialect.probe(Ack::Received).or(plan.bridge.dialect.probe(Ack::Applied)).map(|probe| part(plan, probe))
}

/// One command as its own message, requesting `ack` if the dialect supports that.
pub(super) fn single(plan: &IpcPlan, (command, data): &BatchCommand, ack: Option<&str>) -> Message {
    let mut body = plan.bridge.dialect.body(command, data);
    ask(plan, &mut body, ack);
    Message::new(plan.bridge.dialect, &body, Wire::LINES, 0)
}

/// The same commands as one batch; `None` if the dialect has no batches.
pub(super) fn batch(plan: &IpcPlan, parts: &[BatchCommand]) -> Option<Message> {
    let parts: Vec<_> = parts.iter().map(|(command, data)| (command.as_str(), data.clone())).collect();
    let mut body = plan.bridge.dialect.batch_body(&parts)?;
    ask(plan, &mut body, Some("applied"));
    Some(Message::new(plan.bridge.dialect, &body, Wire::LINES, 0))
}

/// The commands of one reaction: alternating expressions and blinking, with replies after application if the dialect
/// supports requesting that.
pub(super) fn reaction(plan: &IpcPlan, count: u32) -> Vec<BatchCommand> {
    let expression = received(plan).filter(|_| plan.bridge.dialect.chooses_ack);
    let kinds: Vec<BatchCommand> = expression.into_iter().chain(applied(plan)).collect();
    kinds.into_iter().cycle().take(count as usize).collect()
}

/// The query for the counters, answered after everything before it has been applied.
pub(super) fn stats(plan: &IpcPlan) -> Message {
    single(plan, &("stats".to_owned(), Map::new()), Some("applied"))
}

fn ask(plan: &IpcPlan, body: &mut Map<String, Value>, ack: Option<&str>) {
    if let Some(ack) = ack.filter(|_| plan.bridge.dialect.chooses_ack) {
        body.insert("ack".into(), ack.into());
    }
}

/// Body of a message of that shape.
pub(super) fn shaped(plan: &IpcPlan, shape: MessageShape) -> Map<String, Value> {
    let data = |value: Value| value.as_object().cloned().unwrap_or_default();
    match shape {
        MessageShape::Expression => {
            plan.bridge.dialect.body("set_expression", &data(json!({"name": "neutral", "value": 0.0})))
        }
        MessageShape::Blink => {
            plan.bridge.dialect.body("set_auto_blink", &data(json!({"enabled": plan.bridge.blink.unwrap_or(false)})))
        }
        MessageShape::HeadMovement => plan.bridge.dialect.body(
            "set_auto_head_movement",
            &data(json!({"enabled": true, "min_interval": 2.5, "max_interval": 6.0, "max_angle": 12.5})),
        ),
        MessageShape::Batch10 => {
            let parts = reaction(plan, 10);
            let parts: Vec<_> = parts.iter().map(|(command, data)| (command.as_str(), data.clone())).collect();
            plan.bridge.dialect.batch_body(&parts).unwrap_or_default()
        }
        MessageShape::LoadModel => {
            let path = "C:/Utilisateurs/Zoé/Modèles préférés/Été/compagne élégante à lunettes – dernière version.vrm";
            plan.bridge.dialect.body("load_model", &data(json!({"path": path})))
        }
    }
}

/// The application's message without an id: payload length in bytes.
pub(super) fn shaped_bytes(plan: &IpcPlan, shape: MessageShape, codec: Codec) -> usize {
    let prefixed = Message::new(Dialect::stock(), &shaped(plan, shape), Wire::prefixed(codec), 0);
    prefixed.size_bytes() - Wire::PREFIX_BYTES
}

/// A message of that shape in that codec, with a length prefix.
pub(super) fn encoded(plan: &IpcPlan, shape: MessageShape, codec: Codec) -> Message {
    let mut body = shaped(plan, shape);
    // All are answered by the socket thread, since the wait for the frame would hide the codec's effect.
    ask(plan, &mut body, Some("received"));
    Message::new(plan.bridge.dialect, &body, Wire::prefixed(codec), 0)
}
