//! One case, from warm-up to the last late reply: what was sent, received and lost.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::closed::closed_loop;
use super::load::Load;
use super::open::open_loop;
use crate::bridge::{BridgeError, Client, FaultKind, Message};
use crate::clock::{Clock, nanos};

/// State shared by all cases of a run.
#[derive(Debug, Clone, Copy)]
pub struct LoopContext<'a> {
    /// The clock.
    pub clock: &'a Clock,
    /// Set by Ctrl-C.
    pub stop: &'a AtomicBool,
    /// Replies so far: the only value that the progress display may read while a case runs.
    pub replies: &'a AtomicU64,
    /// Whether replies carry the id of their message; otherwise they are matched by order.
    pub ids: bool,
}

/// Why a case ended.
#[derive(Debug)]
pub enum CaseEnd {
    /// Every message was sent and awaited.
    Complete,
    /// Interrupted by Ctrl-C.
    Interrupted,
    /// The bridge failed in a way that made continuing pointless.
    Broken(BridgeError),
}

/// Result of a case. Durations are nanoseconds.
#[derive(Debug)]
pub struct RoundTrips {
    /// Warm-up round trips, closed loop, in order; excluded from all figures.
    pub warm_up_ns: Vec<u64>,
    /// Round trips in sending order. Closed loop: from the write to the parsed reply. Open loop: from the *intended*
    /// send time, so that a stalled bridge is charged for the sends it delayed.
    pub latency_ns: Vec<u64>,
    /// Open loop: when the message of each of these round trips was due, in nanoseconds of the clock.
    pub due_ns: Vec<u64>,
    /// Open loop: send lateness of each message.
    pub lateness_ns: Vec<u64>,
    /// Messages written.
    pub sent: u64,
    /// Lines that answered one of them, including garbled and unmatched ones.
    pub answered: u64,
    /// Messages still awaited at Ctrl-C: neither answered nor lost.
    pub in_flight: u64,
    /// Messages without a reply in time, or whose connection broke.
    pub lost: u64,
    /// Replies that are not JSON objects.
    pub garbled: u64,
    /// Lines that arrived although no message was waiting for one.
    pub surplus: u64,
    /// Replies that cannot be assigned to a message with certainty because another was lost. Excluded from the figures.
    pub unmatched: u64,
    /// From the first intended send to the last reply; in an open loop, without waits for replies that never came.
    pub duration_ns: u64,
    /// Description of the first fault, if any.
    pub first_fault: Option<String>,
    /// Its kind.
    pub first_fault_kind: Option<FaultKind>,
    /// Why the case ended.
    pub end: CaseEnd,
}

impl RoundTrips {
    /// An empty result with capacity for `messages` round trips.
    #[must_use]
    pub fn new(messages: usize) -> Self {
        Self {
            warm_up_ns: Vec::new(),
            latency_ns: Vec::with_capacity(messages),
            due_ns: Vec::new(),
            lateness_ns: Vec::new(),
            sent: 0,
            answered: 0,
            in_flight: 0,
            lost: 0,
            garbled: 0,
            surplus: 0,
            unmatched: 0,
            duration_ns: 0,
            first_fault: None,
            first_fault_kind: None,
            end: CaseEnd::Complete,
        }
    }

    /// Ends the case with `error`: an interruption by the user, or a failure of the bridge.
    pub(super) fn end_for(&mut self, error: BridgeError) {
        self.end = if matches!(error, BridgeError::Interrupted) {
            CaseEnd::Interrupted
        } else {
            self.note_fault(&error);
            CaseEnd::Broken(error)
        };
    }

    /// Describes what ended the case with `error`, including the first fault if that was another.
    #[must_use]
    pub fn cause(&self, error: &BridgeError) -> String {
        let last = error.to_string();
        match self.first_fault.as_ref().filter(|first| **first != last) {
            Some(first) => format!("{first}, and then {last}"),
            None => last,
        }
    }

    pub(super) fn note_fault(&mut self, error: &BridgeError) {
        self.first_fault.get_or_insert_with(|| error.to_string());
        self.first_fault_kind.get_or_insert(error.kind());
    }

    /// Kind of fault that kept the case from ending as planned; `None` if there was none.
    #[must_use]
    pub fn fault_kind(&self) -> Option<FaultKind> {
        if self.surplus > 0 {
            return Some(FaultKind::Surplus);
        }
        let ended_by = match &self.end {
            CaseEnd::Broken(error) => Some(error.kind()),
            CaseEnd::Interrupted => Some(FaultKind::Interrupted),
            CaseEnd::Complete => None,
        };
        let is_short = self.lost + self.garbled + self.unmatched > 0;
        self.first_fault_kind.or(ended_by).or(is_short.then_some(FaultKind::Other))
    }

    /// Adds the result of another loop on the same connection.
    pub(super) fn append(&mut self, other: Self) {
        self.latency_ns.extend(other.latency_ns);
        self.sent += other.sent;
        self.answered += other.answered;
        self.in_flight += other.in_flight;
        self.lost += other.lost;
        self.garbled += other.garbled;
        self.surplus += other.surplus;
        self.first_fault = self.first_fault.take().or(other.first_fault);
        self.first_fault_kind = self.first_fault_kind.or(other.first_fault_kind);
        self.end = other.end;
    }
}

/// Shortest silence that counts as the end of a case: six frames of a 60 fps bridge, and longer than the 40 ms for
/// which a reply may be held until the previous one is acknowledged.
pub const QUIET: Duration = Duration::from_millis(100);

/// Longest silence that is awaited.
const QUIET_AT_MOST: Duration = Duration::from_secs(1);

/// Number of messages in a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageCounts {
    /// Exchanges before the measured ones.
    pub warm_up: usize,
    /// Measured messages.
    pub messages: usize,
}

impl MessageCounts {
    /// Without a warm-up.
    #[must_use]
    pub fn measured(messages: usize) -> Self {
        Self { warm_up: 0, messages }
    }
}

/// Measures one case: `warm_up` exchanges, `messages` under `load`, then a silence in which surplus replies show.
///
/// If anything was lost, the connection is replaced afterwards.
pub fn measure_case(
    client: &mut Client,
    message: &mut Message,
    load: Load,
    MessageCounts { warm_up, messages }: MessageCounts,
    seed: u64,
    loop_context: LoopContext<'_>,
) -> RoundTrips {
    let warming = closed_loop(client, message, warm_up, LoopContext { replies: &AtomicU64::new(0), ..loop_context });
    let warm_up_ns = warming.latency_ns;
    if !matches!(warming.end, CaseEnd::Complete) {
        let surplus = warming.surplus + client.take_surplus();
        return RoundTrips {
            end: warming.end,
            first_fault: warming.first_fault,
            first_fault_kind: warming.first_fault_kind,
            surplus,
            warm_up_ns,
            ..RoundTrips::new(0)
        };
    }
    let mut trips = match load {
        Load::Closed => closed_loop(client, message, messages, loop_context),
        Load::Poisson { .. } | Load::Fixed { .. } => {
            open_loop(client, message, &load.schedule_ns(messages, seed), loop_context)
        }
    };
    trips.warm_up_ns = warm_up_ns;
    // Messages lost in the warm-up are faults of the case, although its samples are excluded.
    trips.surplus += warming.surplus;
    if let Some(fault) = warming.first_fault {
        trips.first_fault.get_or_insert(format!("during warm-up: {fault}"));
        trips.first_fault_kind = trips.first_fault_kind.or(warming.first_fault_kind);
    }
    clear_up(client, &mut trips, loop_context);
    trips
}

/// How long to wait for surplus replies, given the latencies so far: twice the slowest.
#[must_use]
pub fn quiet_after(latency_ns: &[u64]) -> Duration {
    let slowest_ns = latency_ns.iter().max().copied().unwrap_or(0);
    Duration::from_nanos(slowest_ns.saturating_mul(2)).clamp(QUIET, QUIET_AT_MOST)
}

/// Waits for late replies: anything beyond the replies still due is surplus, and may have shifted every match.
pub(super) fn clear_up(client: &mut Client, trips: &mut RoundTrips, loop_context: LoopContext<'_>) {
    if matches!(trips.end, CaseEnd::Broken(_)) {
        // That connection is abandoned; the next one is checked when it is made.
        trips.surplus += client.take_surplus();
        return;
    }
    match client.settle(quiet_after(&trips.latency_ns)) {
        Ok(lines) => trips.surplus += lines.saturating_sub(trips.in_flight),
        Err(error) => {
            trips.note_fault(&error);
            renew(client, trips, loop_context);
        }
    }
}

/// Replaces the connection after a loss, and waits for replies that were due on the old one: the stock bridge's main
/// thread replies to whichever client is connected at the time.
pub(super) fn renew(client: &mut Client, trips: &mut RoundTrips, loop_context: LoopContext<'_>) {
    trips.surplus += client.take_surplus();
    match client.reconnect(loop_context.stop).and_then(|()| client.settle(QUIET)) {
        Ok(late) => trips.surplus += late,
        Err(error) => trips.end_for(error),
    }
}

/// When a reply requested at `from_ns` counts as lost, in nanoseconds.
pub(super) fn deadline_ns(client: &Client, from_ns: u64) -> u64 {
    from_ns.saturating_add(nanos(client.timeout()))
}
