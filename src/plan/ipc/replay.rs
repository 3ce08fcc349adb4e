//! The plan of a replay: a tapped session as messages and their send times.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::bridge_connection::PlanError;
use super::super::shared::as_shown;
use super::plan::IpcPlan;
use crate::bridge::{Ack, BatchEffect, Codec, Dialect, Message, Wire};
use crate::cli::IpcArgs;
use crate::measure::ScheduledMessage;
use crate::record::{RecordedSession, Sender, SessionEvent, SessionMessage, read_session};

/// Negotiates framing and codec; a replay always uses lines.
const HELLO: &str = "hello";

/// Replaces the avatar; also part of the name of the command that removes it.
const LOADING: &str = "load_model";

/// Maximum size of a harmless replacement message, in bytes.
const LARGEST_PROBE: u64 = 1 << 20;

/// A session to replay.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayPlan {
    /// The session file, or the folder of its record.
    #[serde(serialize_with = "as_shown")]
    pub file: PathBuf,
    /// The run that recorded it.
    pub session: String,
    /// Speed factor.
    pub speed: f64,
    /// Whether commands that load and unload models are sent.
    pub destructive: bool,
    /// Connections in the session; they are replayed on one.
    pub connections: u64,
    /// Messages sent unchanged.
    pub as_recorded: u64,
    /// Messages replaced by a harmless one of the same size.
    pub as_probes: u64,
    /// Of those, messages that are larger than the original, since no harmless message is that small.
    pub enlarged: u64,
    /// Whether a replacement message switches something on or off.
    #[serde(skip)]
    pub switches: bool,
    /// Messages not sent: they load or unload models, or negotiate framing.
    pub left_out: u64,
    /// Whether the session's last line was truncated and is ignored.
    #[serde(rename = "cut_short")]
    pub is_cut: bool,
    /// The messages to send.
    #[serde(skip)]
    pub schedule: Vec<ScheduledMessage>,
}

impl ReplayPlan {
    /// Reads the session and decides what to send for each of the application's messages.
    pub(super) fn resolve(path: &Path, args: &IpcArgs, plan: &IpcPlan) -> Result<Self, PlanError> {
        let RecordedSession { head, lines, is_cut } = read_session(path)?;
        let mut replay = Self {
            file: path.to_owned(),
            session: head.run_id,
            speed: args.speed,
            destructive: args.replay_destructive,
            connections: 0,
            as_recorded: 0,
            as_probes: 0,
            enlarged: 0,
            switches: false,
            left_out: 0,
            is_cut,
            schedule: Vec::new(),
        };
        let mut first_ns = None;
        for line in lines {
            match line.event {
                SessionEvent::Connected { .. } => replay.connections += 1,
                SessionEvent::Message(message) if message.from == Sender::App && message.command != "blank" => {
                    let since_ns = line.at_ns.saturating_sub(*first_ns.get_or_insert(line.at_ns));
                    replay.add(since_ns, &message, plan);
                }
                SessionEvent::Message(_) | SessionEvent::Disconnected { .. } => {}
            }
        }
        if replay.schedule.iter().all(|due| due.wants.is_none()) {
            return Err(PlanError::NothingToReplay { path: path.to_owned() });
        }
        Ok(replay)
    }

    fn add(&mut self, since_ns: u64, message: &SessionMessage, plan: &IpcPlan) {
        let content = message.content();
        if message.command == HELLO || !self.destructive && takes_away(message, content.as_deref(), plan.bridge.dialect)
        {
            self.left_out += 1;
            return;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at_ns = (since_ns as f64 / self.speed) as u64;
        let place = self.schedule.len() as u64;
        let due = match content.and_then(|content| as_it_was(&content, message.bytes, plan.bridge.dialect, place)) {
            Some((line, wants)) => {
                self.as_recorded += 1;
                due(at_ns, line, wants, plan.bridge.dialect, place)
            }
            None => self.probe(at_ns, message, plan, place),
        };
        self.schedule.push(due);
    }

    /// A harmless message of the same size, answered by the same thread if the dialect has one.
    fn probe(&mut self, at_ns: u64, message: &SessionMessage, plan: &IpcPlan, place: u64) -> ScheduledMessage {
        let dialect = plan.bridge.dialect;
        let known = dialect.command(&message.command).map(|command| command.ack);
        let ack = known.filter(|ack| dialect.probe(*ack).is_some()).unwrap_or_else(|| dialect.acks()[0]);
        #[allow(clippy::cast_possible_truncation)]
        let wanted_bytes = message.bytes.min(LARGEST_PROBE) as usize;
        let line = plan.bridge.message(ack, wanted_bytes).line(place).to_vec();
        self.as_probes += 1;
        self.switches |= dialect.probe(ack).is_some_and(|probe| probe.switches_to().is_some());
        self.enlarged += u64::from(line.len() > wanted_bytes);
        due(at_ns, line, Some(ack), dialect, place)
    }
}

fn due(at_ns: u64, line: Vec<u8>, wants: Option<Ack>, dialect: &Dialect, place: u64) -> ScheduledMessage {
    ScheduledMessage { at_ns, line, id: dialect.ids.then(|| Message::id_of(place)), wants }
}

/// Whether the message would remove or replace the avatar. A stock bridge finds names anywhere in the text, and a batch
/// contains commands, so any occurrence counts.
fn takes_away(message: &SessionMessage, content: Option<&[u8]>, dialect: &Dialect) -> bool {
    let destructive =
        dialect.commands.iter().filter(|command| command.destructive).map(|command| command.name.as_str());
    let inside = |text: &[u8], name: &str| text.windows(name.len()).any(|part| part == name.as_bytes());
    let texts = [Some(message.command.as_bytes()), content];
    destructive.chain([LOADING]).any(|name| texts.iter().flatten().any(|text| inside(text, name)))
}

/// The original message as a line, and the kind of its reply; `None` for a message that the dialect does not define,
/// which could be anything and which a stock bridge never answers. Ids are renumbered if the dialect has them, so that
/// replies are unambiguous.
fn as_it_was(content: &[u8], size_bytes: u64, dialect: &'static Dialect, place: u64) -> Option<(Vec<u8>, Option<Ack>)> {
    let is_json = content.trim_ascii_start().starts_with(b"{");
    let codec = if is_json { Codec::Json } else { Codec::Msgpack };
    let mut body: Map<String, Value> = codec.decode(content).ok()?;
    let wants = RequestedReply::of(&body, dialect)?.0;
    if let Some(id) = &dialect.fields.id {
        body.remove(id);
        let size_bytes = usize::try_from(size_bytes).ok()?;
        return Some((Message::new(dialect, &body, Wire::LINES, size_bytes).line(place).to_vec(), wants));
    }
    let is_line = is_json && !content.contains(&b'\n');
    let mut line = if is_line { content.to_vec() } else { Codec::Json.encode(&body) };
    line.push(b'\n');
    Some((line, wants))
}

/// Kind of the reply to a message; `None` if it wants none.
struct RequestedReply(Option<Ack>);

impl RequestedReply {
    /// `None` for a message that the dialect does not define.
    fn of(body: &Map<String, Value>, dialect: &Dialect) -> Option<Self> {
        let name = body.get(&dialect.fields.command)?.as_str()?;
        let batch = dialect.batch.as_ref().filter(|batch| batch.command.as_deref() == Some(name));
        let ack = match (dialect.command(name), batch.map(|batch| batch.applies)) {
            (Some(command), _) => command.ack,
            (None, Some(BatchEffect::All)) => Ack::Applied,
            (None, Some(BatchEffect::None)) => Ack::Received,
            (None, Some(BatchEffect::First) | None) => return None,
        };
        let wish = body.get("ack").and_then(Value::as_str).filter(|_| dialect.chooses_ack);
        Some(Self(match wish {
            Some("none") => None,
            Some(wish) => [Ack::Received, Ack::Applied].into_iter().find(|ack| ack.to_string() == wish).or(Some(ack)),
            None => Some(ack),
        }))
    }
}
