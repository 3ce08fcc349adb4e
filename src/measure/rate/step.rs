//! One step: an open loop at one rate for a while, then a wait until all messages are answered.
//!
//! Unlike [`super::super::open`], which sends each message as close to its due time as possible, this sender writes all
//! due messages with one call. With one system call per message, this program would be the bottleneck long before a
//! fast bridge.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::round_trips::{CaseEnd, LoopContext, QUIET};
use crate::bridge::{BridgeError, Client, LineWriter, Message};
use crate::clock::{Clock, nanos};

/// Time from making the schedule to its first message, so that both threads are ready.
const LEAD_NS: u64 = 10_000_000;

/// Longest sleep before the sender checks the stop flag again.
const NAP_NS: u64 = 50_000_000;

/// Maximum bytes per write.
const BLOCK_BYTES: usize = 65_536;

/// Below this rate, in messages per second, each message is sent separately and on time; above it, a spinning sender
/// would take CPU time from what it measures.
const SPIN_BELOW_PER_S: f64 = 1_000.0;

/// A write that takes longer than this, in nanoseconds, was waiting for space in the socket buffer.
const BLOCKED_FROM_NS: u64 = 1_000_000;

/// If a wait for a line is shorter than this, in nanoseconds, the line had already arrived.
const IDLE_FROM_NS: u64 = 20_000;

/// A step is abandoned when at least this many messages and this share of all are unanswered: it has failed, and more
/// would only prolong the drain.
const HOPELESS: (usize, f64) = (64, 0.3);

/// Result of a step. Times are nanoseconds from its start.
#[derive(Debug)]
pub struct RateStep {
    /// Requested rate, in messages per second.
    pub rate_per_s: f64,
    /// Length in nanoseconds.
    pub length_ns: u64,
    /// When each message was due.
    pub due_ns: Vec<u64>,
    /// When each message was written; shorter than `due_ns` if the step ended early.
    pub sent_ns: Vec<u64>,
    /// When each message was answered, in sending order.
    pub arrived_ns: Vec<Option<u64>>,
    /// Lines that answered one of them, including garbled replies and refusals.
    pub answered: usize,
    /// Of these, lines that are not JSON objects.
    pub garbled: u64,
    /// Of these, replies reporting that the bridge's queue was full.
    pub overflowed: u64,
    /// Surplus replies.
    pub surplus: u64,
    /// Time the sender waited for space in the socket buffer.
    pub blocked_ns: u64,
    /// Time the receiver waited for lines between the first and the last due time.
    pub receiver_idle_ns: u64,
    /// Whether sending was abandoned because too many messages were unanswered.
    pub given_up: bool,
    /// Why the step stopped.
    pub end: CaseEnd,
}

impl RateStep {
    /// Lost messages.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sent_ns.len().saturating_sub(self.answered) as u64
    }
}

/// Runs one step of `length` at `rate_per_s`: Poisson arrivals conditioned on their number. Afterwards the connection
/// is drained, or replaced if that fails.
pub fn measure_step(
    client: &mut Client,
    message: &mut Message,
    rate_per_s: f64,
    length: Duration,
    seed: u64,
    loop_context: LoopContext<'_>,
) -> RateStep {
    let due_ns = schedule_ns(rate_per_s, length, seed);
    let mut step = RateStep {
        rate_per_s,
        length_ns: nanos(length),
        arrived_ns: vec![None; due_ns.len()],
        due_ns,
        sent_ns: Vec::new(),
        answered: 0,
        garbled: 0,
        overflowed: 0,
        surplus: 0,
        blocked_ns: 0,
        receiver_idle_ns: 0,
        given_up: false,
        end: CaseEnd::Complete,
    };
    let writer = match client.writer() {
        Ok(writer) => writer,
        Err(error) => return RateStep { end: CaseEnd::Broken(error), ..step },
    };
    let (sent, halt, over) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicBool::new(false));
    let first_number = client.number(step.due_ns.len() as u64);
    let begin_ns = loop_context.clock.now_ns() + LEAD_NS;
    let due = step.due_ns.clone();
    let sending = StepSender {
        due_ns: &due,
        first_number,
        begin_ns,
        rate_per_s,
        sent: &sent,
        halt: &halt,
        over: &over,
        clock: loop_context.clock,
    };
    let (end, sends) = thread::scope(|scope| {
        let sender = scope.spawn(|| sending.run(writer, message));
        let end = step.collect(client, &sending, loop_context);
        halt.store(true, Ordering::Relaxed);
        (end, sender.join())
    });
    let Ok((sent_ns, blocked_ns, send_error)) = sends else {
        // The sending thread should never panic; if it does, that is a bug to report and not a measurement.
        std::panic::resume_unwind(Box::new("the sending thread panicked"));
    };
    step.sent_ns = sent_ns;
    step.blocked_ns = blocked_ns;
    let send_error = send_error.filter(|error| !matches!(error, BridgeError::Interrupted));
    step.end = match end.or(send_error) {
        None => CaseEnd::Complete,
        Some(BridgeError::Interrupted) => CaseEnd::Interrupted,
        Some(error) => CaseEnd::Broken(error),
    };
    step.clear_up(client, loop_context);
    step
}

/// Number of messages in a step of this rate and length: at least one.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn due_count(rate_per_s: f64, length: Duration) -> usize {
    (rate_per_s * length.as_secs_f64()).round().max(1.0) as usize
}

/// Arrivals of a Poisson process over `length`, conditioned on their number: that many independent uniform times,
/// sorted.
pub(super) fn schedule_ns(rate_per_s: f64, length: Duration, seed: u64) -> Vec<u64> {
    let mut random = StdRng::seed_from_u64(seed);
    let count = due_count(rate_per_s, length);
    let mut due_ns: Vec<u64> = (0..count).map(|_| random.random_range(0..nanos(length))).collect();
    due_ns.sort_unstable();
    due_ns
}

/// State of the sending thread.
struct StepSender<'a> {
    due_ns: &'a [u64],
    first_number: u64,
    begin_ns: u64,
    rate_per_s: f64,
    /// Messages sent or being sent.
    sent: &'a AtomicUsize,
    /// Set to stop the thread.
    halt: &'a AtomicBool,
    /// Set when the thread has ended.
    over: &'a AtomicBool,
    clock: &'a Clock,
}

impl StepSender<'_> {
    /// Sends on schedule. Returns when each message was sent, how long a full socket buffer blocked it, and the error
    /// that ended it early.
    fn run(&self, mut writer: LineWriter, message: &mut Message) -> (Vec<u64>, u64, Option<BridgeError>) {
        let mut sent_ns = Vec::with_capacity(self.due_ns.len());
        let mut block = Vec::with_capacity(2 * BLOCK_BYTES);
        let mut blocked_ns = 0;
        let mut failed = None;
        while failed.is_none() && sent_ns.len() < self.due_ns.len() && self.wait(self.due_ns[sent_ns.len()]) {
            let now_ns = self.clock.now_ns() - self.begin_ns;
            block.clear();
            let due = self.due_ns[sent_ns.len()..].iter().take_while(|due_ns| **due_ns <= now_ns);
            let first = sent_ns.len();
            let mut last = first;
            for _ in due {
                block.extend_from_slice(message.line(self.first_number + last as u64));
                last += 1;
                if block.len() >= BLOCK_BYTES {
                    break;
                }
            }
            self.sent.store(last, Ordering::Release);
            sent_ns.resize(last, now_ns);
            failed = writer.send(&block, self.halt).err();
            let took_ns = self.clock.now_ns() - self.begin_ns - now_ns;
            blocked_ns += if took_ns >= BLOCKED_FROM_NS { took_ns } else { 0 };
        }
        self.over.store(true, Ordering::Release);
        (sent_ns, blocked_ns, failed)
    }

    /// Waits until a time of the step. Returns false if the thread should stop.
    fn wait(&self, due_ns: u64) -> bool {
        let at_ns = self.begin_ns + due_ns;
        while self.clock.now_ns() + NAP_NS < at_ns && !self.halt.load(Ordering::Relaxed) {
            self.clock.rest_until(self.clock.now_ns() + NAP_NS / 2);
        }
        if self.halt.load(Ordering::Relaxed) {
            return false;
        }
        if self.rate_per_s < SPIN_BELOW_PER_S {
            self.clock.sleep_until(at_ns);
        } else {
            self.clock.rest_until(at_ns);
        }
        true
    }
}

impl RateStep {
    /// Receives until every message is answered or no more replies arrive.
    fn collect(
        &mut self,
        client: &mut Client,
        sending: &StepSender<'_>,
        loop_context: LoopContext<'_>,
    ) -> Option<BridgeError> {
        let clock = loop_context.clock;
        let timeout_ns = nanos(client.timeout());
        let mut last_ns = sending.begin_ns + self.length_ns;
        loop {
            let sent = sending.sent.load(Ordering::Acquire);
            if sending.over.load(Ordering::Acquire) && self.answered >= sending.sent.load(Ordering::Acquire) {
                return None;
            }
            let hopeless = (self.due_ns.len() as f64 * HOPELESS.1).max(HOPELESS.0 as f64);
            if sent.saturating_sub(self.answered) as f64 > hopeless && !self.given_up {
                self.given_up = true;
                sending.halt.store(true, Ordering::Relaxed);
            }
            let asked_ns = clock.now_ns();
            let reply = client.receive(clock.instant(asked_ns + NAP_NS), loop_context.stop);
            let now_ns = clock.now_ns();
            self.note_idle(asked_ns, now_ns, sending);
            let (at, refused) = match &reply {
                Ok(reply) => {
                    let number = reply.id.and_then(Message::index_of);
                    (number.and_then(|number| number.checked_sub(sending.first_number)), reply.overflow)
                }
                Err(BridgeError::Garbled { .. }) => (None, false),
                Err(BridgeError::NoReply { .. }) if self.is_overdue(last_ns, now_ns, sending, timeout_ns) => {
                    return Some(BridgeError::NoReply { waited: client.timeout() });
                }
                Err(BridgeError::NoReply { .. }) => continue,
                Err(_) => return reply.err(),
            };
            let sent = sending.sent.load(Ordering::Acquire);
            let arrived_ns = now_ns.saturating_sub(sending.begin_ns);
            let answered = self.answered;
            self.take(
                if loop_context.ids { at } else { None },
                reply.is_ok(),
                refused,
                arrived_ns,
                sent,
                loop_context.ids,
            );
            if self.answered > answered {
                // Lines that answer nothing do not extend the deadline.
                last_ns = now_ns;
                loop_context.replies.fetch_add(1, Ordering::Relaxed);
            } else if self.is_overdue(last_ns, now_ns, sending, timeout_ns) {
                return Some(BridgeError::NoReply { waited: client.timeout() });
            }
        }
    }

    /// Whether some message has waited longer than the timeout with no reply in the meantime.
    fn is_overdue(&self, last_ns: u64, now_ns: u64, sending: &StepSender<'_>, timeout_ns: u64) -> bool {
        let due_ns = self.due_ns[self.answered.min(self.due_ns.len() - 1)];
        let waits_since_ns = last_ns.max(sending.begin_ns + due_ns);
        let owed = sending.sent.load(Ordering::Acquire) > self.answered;
        owed && now_ns > waits_since_ns.saturating_add(timeout_ns)
    }

    /// Records one line. `at` is the message that it names, in a dialect with ids.
    fn take(&mut self, at: Option<u64>, whole: bool, refused: bool, arrived_ns: u64, sent: usize, ids: bool) {
        let place = if ids { at.and_then(|at| usize::try_from(at).ok()) } else { Some(self.answered) };
        let known = place.filter(|place| *place < sent && self.arrived_ns[*place].is_none());
        // A garbled line keeps its place in the order; with ids it answers one message, but it is unknown which.
        if known.is_none() && (whole || !ids) {
            self.surplus += 1;
            return;
        }
        self.answered += 1;
        self.garbled += u64::from(!whole);
        self.overflowed += u64::from(refused);
        if let Some(place) = known.filter(|_| whole && !refused) {
            self.arrived_ns[place] = Some(arrived_ns);
        }
    }

    /// Adds the part of a wait that lies within the step.
    fn note_idle(&mut self, asked_ns: u64, now_ns: u64, sending: &StepSender<'_>) {
        let end_ns = sending.begin_ns + self.length_ns;
        let waited_ns = now_ns.min(end_ns).saturating_sub(asked_ns.max(sending.begin_ns));
        if waited_ns >= IDLE_FROM_NS {
            self.receiver_idle_ns += waited_ns;
        }
    }

    /// Checks for surplus replies, and replaces the connection if replies are still due.
    fn clear_up(&mut self, client: &mut Client, loop_context: LoopContext<'_>) {
        if matches!(self.end, CaseEnd::Interrupted) {
            return;
        }
        let clean = matches!(self.end, CaseEnd::Complete) && self.lost() == 0;
        let settled = if clean { client.settle(QUIET) } else { Err(BridgeError::NoReply { waited: QUIET }) };
        let late = settled.or_else(|_| client.reconnect(loop_context.stop).and_then(|()| client.settle(QUIET)));
        match late {
            Ok(late) => self.surplus += late,
            Err(BridgeError::Interrupted) => self.end = CaseEnd::Interrupted,
            Err(error) => self.end = CaseEnd::Broken(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_has_the_exact_count_and_stays_within_its_length() {
        let due_ns = schedule_ns(500.0, Duration::from_secs(4), 1);
        assert_eq!(due_ns.len(), 2_000);
        assert!(due_ns.is_sorted() && due_ns[1_999] < 4_000_000_000);
        // Gaps of a Poisson process: mean and standard deviation 2 ms, determined to about 2 % by 2,000 gaps.
        let gaps: Vec<f64> = due_ns.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let stddev = (gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64).sqrt();
        assert!((stddev / mean - 1.0).abs() < 0.1, "standard deviation {stddev}, mean {mean}");
        assert_eq!(due_ns, schedule_ns(500.0, Duration::from_secs(4), 1));
    }
}
