//! The plan of a replay: a session that was tapped, as messages to send and the moments to send them at.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use super::super::reach::PlanError;
use super::super::shared::as_shown;
use super::plan::IpcPlan;
use crate::bridge::{Ack, Applies, Codec, Dialect, Message, Wire};
use crate::cli::IpcArgs;
use crate::measure::Due;
use crate::record::{RecordedSession, Sender, SessionEvent, SessionMessage, read_session};

/// Settles framing and codec; a replay speaks in lines.
const HELLO: &str = "hello";

/// Puts another avatar in the place of this one; part of the name of the command that takes it away.
const LOADING: &str = "load_model";

/// No harmless message is made larger than this, in bytes.
const LARGEST_PROBE: u64 = 1 << 20;

/// A session to be played again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayPlan {
    /// The session's file, or the folder of its record.
    #[serde(serialize_with = "as_shown")]
    pub file: PathBuf,
    /// The run that recorded it.
    pub session: String,
    /// How much faster than it was.
    pub speed: f64,
    /// Whether commands that load and unload models are sent too.
    pub destructive: bool,
    /// Connections of the session; they are played on one.
    pub connections: u64,
    /// Messages that are sent as they were.
    pub as_recorded: u64,
    /// Messages in whose place a harmless one of the same size is sent.
    pub as_probes: u64,
    /// Of those, the ones that are larger than they were, since no harmless message is that small.
    pub enlarged: u64,
    /// Whether a harmless message that is sent in the place of another switches something on or off.
    #[serde(skip)]
    pub switches: bool,
    /// Messages that are not sent: they load or unload models, or settle framing.
    pub left_out: u64,
    /// Whether the session's last line was cut short, and is left out.
    #[serde(rename = "cut_short")]
    pub is_cut: bool,
    /// What is sent.
    #[serde(skip)]
    pub schedule: Vec<Due>,
}

impl ReplayPlan {
    /// Reads the session, and decides what is sent for each of the application's messages.
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
        if message.command == HELLO || !self.destructive && takes_away(message, content.as_deref(), plan.dialect) {
            self.left_out += 1;
            return;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let at_ns = (since_ns as f64 / self.speed) as u64;
        let place = self.schedule.len() as u64;
        let due = match content.and_then(|content| as_it_was(&content, message.bytes, plan.dialect, place)) {
            Some((line, wants)) => {
                self.as_recorded += 1;
                due(at_ns, line, wants, plan.dialect, place)
            }
            None => self.probe(at_ns, message, plan, place),
        };
        self.schedule.push(due);
    }

    /// A harmless message of the same size, answered by the same thread where there is one for each.
    fn probe(&mut self, at_ns: u64, message: &SessionMessage, plan: &IpcPlan, place: u64) -> Due {
        let dialect = plan.dialect;
        let known = dialect.command(&message.command).map(|command| command.ack);
        let ack = known.filter(|ack| dialect.probe(*ack).is_some()).unwrap_or_else(|| dialect.acks()[0]);
        #[allow(clippy::cast_possible_truncation)]
        let wanted_bytes = message.bytes.min(LARGEST_PROBE) as usize;
        let line = plan.message(ack, wanted_bytes).line(place).to_vec();
        self.as_probes += 1;
        self.switches |= dialect.probe(ack).is_some_and(|probe| probe.switches_to().is_some());
        self.enlarged += u64::from(line.len() > wanted_bytes);
        due(at_ns, line, Some(ack), dialect, place)
    }
}

fn due(at_ns: u64, line: Vec<u8>, wants: Option<Ack>, dialect: &Dialect, place: u64) -> Due {
    Due { at_ns, line, id: dialect.ids.then(|| Message::id_of(place)), wants }
}

/// Whether the message would take the avatar away, or put another in its place. A stock bridge looks for names anywhere in the
/// text, and a batch holds commands inside: so wherever such a name stands.
fn takes_away(message: &SessionMessage, content: Option<&[u8]>, dialect: &Dialect) -> bool {
    let destructive =
        dialect.commands.iter().filter(|command| command.destructive).map(|command| command.name.as_str());
    let inside = |text: &[u8], name: &str| text.windows(name.len()).any(|part| part == name.as_bytes());
    let texts = [Some(message.command.as_bytes()), content];
    destructive.chain([LOADING]).any(|name| texts.iter().flatten().any(|text| inside(text, name)))
}

/// The message as a line, and what its reply means; `None` for one that the dialect does not know: that may be anything, and a
/// stock bridge never answers it. Ids are given anew where the dialect has them, so that each reply is told from every other.
fn as_it_was(content: &[u8], size_bytes: u64, dialect: &'static Dialect, place: u64) -> Option<(Vec<u8>, Option<Ack>)> {
    let is_json = content.trim_ascii_start().starts_with(b"{");
    let codec = if is_json { Codec::Json } else { Codec::Msgpack };
    let mut body: Map<String, Value> = codec.decode(content).ok()?;
    let wants = Wants::of(&body, dialect)?.0;
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

/// What the reply to a message means; nothing when it wants none.
struct Wants(Option<Ack>);

impl Wants {
    /// `None` for a message that the dialect does not know.
    fn of(body: &Map<String, Value>, dialect: &Dialect) -> Option<Self> {
        let name = body.get(&dialect.fields.command)?.as_str()?;
        let batch = dialect.batch.as_ref().filter(|batch| batch.command.as_deref() == Some(name));
        let ack = match (dialect.command(name), batch.map(|batch| batch.applies)) {
            (Some(command), _) => command.ack,
            (None, Some(Applies::All)) => Ack::Applied,
            (None, Some(Applies::None)) => Ack::Received,
            (None, Some(Applies::First) | None) => return None,
        };
        let wish = body.get("ack").and_then(Value::as_str).filter(|_| dialect.chooses_ack);
        Some(Self(match wish {
            Some("none") => None,
            Some(wish) => [Ack::Received, Ack::Applied].into_iter().find(|ack| ack.to_string() == wish).or(Some(ack)),
            None => Some(ack),
        }))
    }
}
