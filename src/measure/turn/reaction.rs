//! The avatar's reaction to a reply: a few commands, and the ways to send them.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::super::fire::{ApplicationSources, ask_applied, fire};
use super::super::round_trips::quiet_after;
use super::super::signatures::waited_for_an_acknowledgement;
use crate::bridge::{Ack, BridgeError, Client, Dialect, FaultKind, Message, PendingMessages, Reply};
use crate::clock::{Clock, nanos};

/// How the commands of a reaction are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delivery {
    /// The expression alone, written once without waiting for a reply, as the application does.
    Expression,
    /// The expression and its companion commands one by one, each after the previous reply. No application does this.
    Single,
    /// The same commands at once, then all replies.
    Pipelined,
    /// The same commands as one batch.
    Batch,
}

impl Delivery {
    /// How many of the `of` commands of a reaction are sent this way.
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

/// Why a reaction cannot be sent that way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReactionError {
    /// The dialect has no batches that take effect.
    #[error("dialect {dialect} has no batches that are applied")]
    NoBatches {
        /// The dialect.
        dialect: String,
    },
}

/// One command of a reaction.
#[derive(Debug, Clone, PartialEq)]
struct ReactionCommand {
    command: String,
    data: Map<String, Value>,
    /// Kind of its reply.
    ack: Ack,
}

/// The commands of one reaction, in order; the expression is first.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    steps: Vec<ReactionCommand>,
}

/// Why a reaction failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionFault {
    /// Kind of fault.
    pub kind: FaultKind,
    /// Description of the fault.
    pub reason: String,
}

impl From<BridgeError> for ReactionFault {
    fn from(error: BridgeError) -> Self {
        Self { kind: error.kind(), reason: error.to_string() }
    }
}

/// Times of a reaction, in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReactionTimes {
    /// The reactor's thread started on it.
    pub began_ns: u64,
    /// The bridge had read the expression; `None` if no reply says so.
    pub received_ns: Option<u64>,
    /// All commands had taken effect, according to the last reply or to the log of a bridge in this process; `None` if
    /// neither says so.
    pub applied_ns: Option<u64>,
    /// Latest time at which they had taken effect; `None` if unknown.
    pub latest_ns: Option<u64>,
    /// Number of commands.
    pub commands: usize,
    /// Whether a reply arrived one acknowledgement delay after the previous one although all commands had been sent
    /// before: the bridge held it back. The commands it confirms were applied earlier.
    pub is_held: bool,
}

impl Reaction {
    /// The expression, and those commands of `beside` that the dialect knows, with their data. Replies of the main
    /// thread come in order, so the last one confirms all earlier ones.
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
            Some(ReactionCommand { ack: known.ack, command, data })
        });
        Self { steps: steps.collect() }
    }

    /// Number of commands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Sends the commands, determines what became of them, and then waits for a silence: a surplus reply could have
    /// been matched with another message. No returned time lies in that silence.
    ///
    /// # Errors
    /// Those of the bridge, including [`BridgeError::Surplus`].
    pub(super) fn send(
        &self,
        (client, dialect, watch): (&mut Client, &Dialect, &ApplicationSources),
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

    /// Sends the expression and its companion commands and reads each reply.
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
        let line = |step: &ReactionCommand| Message::new(dialect, &dialect.body(&step.command, &step.data), wire, 0);
        let mut lines: Vec<(Message, Option<Ack>)> = match self.batch(dialect).filter(|_| delivery == Delivery::Batch) {
            Some(body) => vec![(Message::new(dialect, &body, wire, 0), None)],
            None => self.steps.iter().map(|step| (line(step), Some(step.ack))).collect(),
        };
        let mut waiting = PendingMessages::default();
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

    /// Sends the expression alone, as the application does. The reply is read afterwards.
    fn send_expression(
        &self,
        (client, dialect, watch): (&mut Client, &Dialect, &ApplicationSources),
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

/// Adds the delay of a paced speaker to each command.
fn hold_back(hold: Duration, clock: &Clock) {
    if !hold.is_zero() {
        clock.sleep_until(clock.now_ns() + nanos(hold));
    }
}

/// A command that was written.
struct SentCommand {
    number: u64,
    /// Kind of its reply; `None` for a batch, whose reply states it.
    ack: Option<Ack>,
}

impl ReactionTimes {
    /// Waits for the next reply to one of the sent commands and records it. Returns when it was read.
    fn take(
        &mut self,
        client: &mut Client,
        waiting: &mut PendingMessages,
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
        // A batch is applied if its reply counts applied commands.
        if ack == Some(Ack::Applied) || (ack.is_none() && reply.applied.is_some()) {
            self.applied_ns = Some(now_ns);
        }
    }
}
