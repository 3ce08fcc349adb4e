//! What the avatar does about a reply: a few commands, and the ways in which they can be sent.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::fire::{Watch, ask_applied, fire};
use super::super::round_trips::quiet_after;
use super::super::signatures::waited_for_an_acknowledgement;
use crate::bridge::{Ack, BridgeError, Client, Dialect, FaultKind, Message, Reply, Waiting};
use crate::clock::{Clock, nanos};

/// How the commands of a reaction are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// The expression alone, written once, and no reply is waited for: what the application does.
    Expression,
    /// The expression and what goes with it one by one, each when the one before has been answered. No application does.
    Single,
    /// The same all at once, then all replies.
    Pipelined,
    /// The same as one message.
    Batch,
}

impl Delivery {
    /// How many of a reaction's commands are sent in this way.
    #[must_use]
    pub fn commands(self, of: usize) -> usize {
        if self == Self::Expression { of.min(1) } else { of }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Expression => "expression",
            Self::Single => "single",
            Self::Pipelined => "pipelined",
            Self::Batch => "batch",
        })
    }
}

/// Why a reaction cannot be sent in that way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReactionError {
    /// A batch that takes no effect is no reaction.
    #[error("dialect {dialect} has no batches that are applied")]
    NoBatches {
        /// The dialect.
        dialect: String,
    },
}

/// One command of a reaction.
#[derive(Debug, Clone, PartialEq)]
struct Step {
    command: String,
    data: Map<String, Value>,
    /// What its reply means.
    ack: Ack,
}

/// The commands of one reaction, in order: the expression first.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    steps: Vec<Step>,
}

/// Why a reaction failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionFault {
    /// What kind of fault it was.
    pub kind: FaultKind,
    /// The fault in words.
    pub reason: String,
}

impl From<BridgeError> for ReactionFault {
    fn from(error: BridgeError) -> Self {
        Self { kind: error.kind(), reason: error.to_string() }
    }
}

/// When the moments of a reaction came, in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReactionTimes {
    /// The bridge's thread took it up.
    pub began_ns: u64,
    /// The bridge had read the expression; `None` where no reply says so.
    pub received_ns: Option<u64>,
    /// All of it had taken effect, by the last reply that says so, or by the account of a bridge in this process; `None` where
    /// neither says so.
    pub applied_ns: Option<u64>,
    /// The latest moment at which it had taken effect; `None` where that is not known either.
    pub latest_ns: Option<u64>,
    /// Commands.
    pub commands: usize,
    /// Whether a reply came as long after the one before as an acknowledgement is put off, all commands having been sent before:
    /// the bridge's end of the connection held it back. What its reply vouches for was done earlier.
    pub is_held: bool,
}

impl Reaction {
    /// The expression, and what else of `beside` the dialect knows: commands with their data. Replies of the main thread come in
    /// order, so that the last one vouches for all before it.
    #[must_use]
    pub fn new(dialect: &Dialect, expression: &str, beside: &[(String, Map<String, Value>)]) -> Self {
        let face = dialect.probes.received.as_ref().or(dialect.probes.applied.as_ref()).map(|probe| {
            let mut data = probe.data.clone();
            let name = Value::from(expression);
            for (key, value) in
                [("name", name.clone()), ("expression", name), ("value", 0.7.into()), ("weight", 0.7.into())]
            {
                if let Some(held) = data.get_mut(key) {
                    *held = value;
                }
            }
            (probe.command.clone(), data)
        });
        let steps = face.into_iter().chain(beside.iter().cloned()).filter_map(|(command, data)| {
            let known = dialect.command(&command).filter(|known| !known.destructive)?;
            Some(Step { ack: known.ack, command, data })
        });
        Self { steps: steps.collect() }
    }

    /// Commands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Sends it, finds out what became of it, and then waits for a silence that no reply breaks: one more than messages may have been
    /// taken for another's. No moment that is returned lies in that silence.
    ///
    /// # Errors
    /// Those of the bridge, [`BridgeError::Surplus`] among them.
    pub(super) fn send(
        &self,
        (client, dialect, watch): (&mut Client, &Dialect, &Watch),
        (delivery, hold): (Delivery, Duration),
        clock: &Clock,
        stop: &AtomicBool,
    ) -> Result<ReactionTimes, BridgeError> {
        let times = match delivery {
            Delivery::Expression => self.send_expression((client, dialect, watch), hold, clock, stop),
            _ => self.send_all((client, dialect), (delivery, hold), clock, stop),
        }?;
        match client.settle(quiet_after(&[clock.now_ns() - times.began_ns]))? {
            0 => Ok(times),
            count => Err(BridgeError::Surplus { count }),
        }
    }

    /// The expression and what goes with it, each reply read.
    fn send_all(
        &self,
        (client, dialect): (&mut Client, &Dialect),
        (delivery, hold): (Delivery, Duration),
        clock: &Clock,
        stop: &AtomicBool,
    ) -> Result<ReactionTimes, BridgeError> {
        let mut times =
            ReactionTimes { began_ns: clock.now_ns(), commands: self.steps.len(), ..ReactionTimes::default() };
        let wire = client.wire();
        let line = |step: &Step| Message::new(dialect, &dialect.body(&step.command, &step.data), wire, 0);
        let mut lines: Vec<(Message, Option<Ack>)> = match self.batch(dialect).filter(|_| delivery == Delivery::Batch) {
            Some(body) => vec![(Message::new(dialect, &body, wire, 0), None)],
            None => self.steps.iter().map(|step| (line(step), Some(step.ack))).collect(),
        };
        let mut waiting = Waiting::default();
        let mut sent = Vec::with_capacity(lines.len());
        for (message, ack) in &mut lines {
            hold_back(hold, clock);
            let number = client.number(1);
            client.send(message.line(number), stop)?;
            waiting.push(number);
            sent.push(SentCommand { number, ack: *ack });
            if delivery == Delivery::Single {
                times.take(client, &mut waiting, &sent, (clock, stop))?;
            }
        }
        let mut arrived_ns = Vec::with_capacity(sent.len());
        while !waiting.is_empty() {
            arrived_ns.push(times.take(client, &mut waiting, &sent, (clock, stop))?);
        }
        times.is_held = waited_for_an_acknowledgement(&arrived_ns);
        times.latest_ns = times.applied_ns;
        Ok(times)
    }

    /// The expression alone, as the application sends it. The reply is read afterwards.
    fn send_expression(
        &self,
        (client, dialect, watch): (&mut Client, &Dialect, &Watch),
        hold: Duration,
        clock: &Clock,
        stop: &AtomicBool,
    ) -> Result<ReactionTimes, BridgeError> {
        let began_ns = clock.now_ns();
        let Some(face) = self.steps.first() else { return Ok(ReactionTimes { began_ns, ..ReactionTimes::default() }) };
        let mut body = dialect.body(&face.command, &face.data);
        let ack = ask_applied(dialect, &face.command, &mut body);
        let mut message = Message::new(dialect, &body, client.wire(), 0);
        hold_back(hold, clock);
        let fired = fire(client, &mut message, ack, watch, (clock, stop))?;
        Ok(ReactionTimes {
            began_ns,
            received_ns: Some(fired.received_ns),
            applied_ns: fired.applied_ns,
            latest_ns: fired.latest_ns,
            commands: 1,
            is_held: false,
        })
    }

    fn batch(&self, dialect: &Dialect) -> Option<Map<String, Value>> {
        let commands: Vec<_> = self.steps.iter().map(|step| (step.command.as_str(), step.data.clone())).collect();
        dialect.batch_body(&commands)
    }
}

/// What a stand-in of known speed adds to every command.
fn hold_back(hold: Duration, clock: &Clock) {
    if !hold.is_zero() {
        clock.sleep_until(clock.now_ns() + nanos(hold));
    }
}

/// A command that was written.
struct SentCommand {
    number: u64,
    /// What its reply means; `None` for a batch, whose reply says so itself.
    ack: Option<Ack>,
}

impl ReactionTimes {
    /// Waits for the next reply to one of the commands that were sent, and notes it. Returns when it had been read.
    fn take(
        &mut self,
        client: &mut Client,
        waiting: &mut Waiting,
        sent: &[SentCommand],
        (clock, stop): (&Clock, &AtomicBool),
    ) -> Result<u64, BridgeError> {
        let answered = client.receive_for(waiting, Instant::now() + client.timeout(), stop)?;
        let now_ns = clock.now_ns();
        let command = sent.iter().find(|command| command.number == answered.number);
        self.note(&answered.reply, command.and_then(|command| command.ack), now_ns);
        Ok(now_ns)
    }

    fn note(&mut self, reply: &Reply, ack: Option<Ack>, now_ns: u64) {
        self.received_ns.get_or_insert(now_ns);
        // A batch is applied when its reply counts what was.
        if ack == Some(Ack::Applied) || (ack.is_none() && reply.applied.is_some()) {
            self.applied_ns = Some(now_ns);
        }
    }
}
