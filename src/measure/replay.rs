//! Replays recorded messages at their original times and times the replies. Latency counts from the due time, as in
//! every open loop.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::matcher::{ReplyMatch, ReplyMatcher};
use super::round_trips::{CaseEnd, LoopContext, RoundTrips, clear_up};
use crate::bridge::tap::MessageId;
use crate::bridge::{Ack, BridgeError, Client, LineWriter};
use crate::clock::nanos;

/// Time between the call and the first message.
const LEAD_NS: u64 = 10_000_000;

/// Longest wait before the stop flag is checked again, in nanoseconds.
const NAP_NS: u64 = 50_000_000;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledMessage {
    /// Due time in nanoseconds after the first message.
    pub at_ns: u64,
    /// The bytes, with framing.
    pub line: Vec<u8>,
    /// The id that its reply will have.
    pub id: Option<u64>,
    /// Kind of its reply; `None` if none is due.
    pub wants: Option<Ack>,
}

/// Result of a replay.
#[derive(Debug)]
pub struct ReplayResult {
    /// Round trips by kind of reply. Sent, answered and missing messages are those of the whole replay, since order
    /// alone does not tell which kind a missing reply was.
    pub trips: Vec<(Ack, RoundTrips)>,
    /// Replies that may belong to more than one message, since both kinds were awaited: no samples, and not a fault.
    pub unassigned: u64,
}

/// Sends every message when it is due, and collects replies until the last has arrived or the client's timeout has
/// passed without one.
pub fn replay(client: &mut Client, schedule: &[ScheduledMessage], loop_context: LoopContext<'_>) -> ReplayResult {
    let mut acks: Vec<Ack> = schedule.iter().filter_map(|due| due.wants).collect();
    acks.sort_unstable();
    acks.dedup();
    let mut account = ReplayReplies {
        trips: RoundTrips::new(0),
        latency_ns: [vec![], vec![]],
        nameless: 0,
        unassigned: 0,
        certain: [0; 2],
    };
    match client.writer() {
        Ok(writer) => play(client, writer, schedule, &mut account, loop_context),
        Err(error) => account.trips.end_for(error),
    }
    clear_up(client, &mut account.trips, loop_context);
    let trips = acks.into_iter().map(|ack| (ack, account.of(ack))).collect();
    ReplayResult { trips, unassigned: account.unassigned }
}

fn play(
    client: &mut Client,
    writer: LineWriter,
    schedule: &[ScheduledMessage],
    account: &mut ReplayReplies,
    loop_context: LoopContext<'_>,
) {
    let begin_ns = loop_context.clock.now_ns() + LEAD_NS;
    let shared = ReplayState { matcher: Mutex::default(), halt: AtomicBool::new(false), begin_ns, loop_context };
    let (end, sends) = thread::scope(|scope| {
        let sender = scope.spawn(|| shared.send(writer, schedule));
        let end = shared.collect(client, account, || sender.is_finished());
        shared.halt.store(true, Ordering::Relaxed);
        (end, sender.join())
    });
    let Ok((lateness_ns, send_error)) = sends else {
        // The sending thread should never panic; if it does, that is a bug to report and not a measurement.
        std::panic::resume_unwind(Box::new("the sending thread panicked"));
    };
    let owed = shared.owed(account);
    let trips = &mut account.trips;
    trips.sent = lateness_ns.len() as u64;
    trips.lateness_ns = lateness_ns;
    // Stopping the sender is not a fault of the bridge.
    let send_error = send_error.filter(|error| !matches!(error, BridgeError::Interrupted));
    match end.or(send_error) {
        Some(BridgeError::Interrupted) => {
            trips.end = CaseEnd::Interrupted;
            trips.in_flight = owed;
            return;
        }
        Some(error) => trips.end_for(error),
        None => {}
    }
    trips.lost = owed;
    if owed > 0 && !loop_context.ids {
        account.forget_what_is_not_certain();
    }
}

/// The replies so far.
struct ReplayReplies {
    /// Everything except the reply times by kind.
    trips: RoundTrips,
    /// Indexed by [`Ack`].
    latency_ns: [Vec<u64>; 2],
    /// Refusals and lines that were not messages.
    nameless: u64,
    unassigned: u64,
    /// Number of each kind when nothing was outstanding for the last time.
    certain: [usize; 2],
}

impl ReplayReplies {
    /// Without ids, a missing reply may have shifted every match since the last moment with nothing outstanding.
    fn forget_what_is_not_certain(&mut self) {
        for (latency_ns, certain) in self.latency_ns.iter_mut().zip(self.certain) {
            self.trips.unmatched += (latency_ns.len() - certain) as u64;
            latency_ns.truncate(certain);
        }
    }

    /// The round trips of one kind of reply.
    fn of(&self, ack: Ack) -> RoundTrips {
        let all = &self.trips;
        let end = match &all.end {
            CaseEnd::Interrupted => CaseEnd::Interrupted,
            // Reported as the first fault.
            CaseEnd::Complete | CaseEnd::Broken(_) => CaseEnd::Complete,
        };
        RoundTrips {
            latency_ns: self.latency_ns[ack as usize].clone(),
            lateness_ns: all.lateness_ns.clone(),
            sent: all.sent,
            answered: all.answered,
            in_flight: all.in_flight,
            lost: all.lost,
            garbled: all.garbled,
            surplus: all.surplus,
            unmatched: all.unmatched,
            duration_ns: all.duration_ns,
            first_fault: all.first_fault.clone(),
            first_fault_kind: all.first_fault_kind,
            end,
            ..RoundTrips::new(0)
        }
    }
}

struct ReplayState<'a> {
    matcher: Mutex<ReplyMatcher>,
    halt: AtomicBool,
    begin_ns: u64,
    loop_context: LoopContext<'a>,
}

impl ReplayState<'_> {
    fn matcher(&self) -> MutexGuard<'_, ReplyMatcher> {
        self.matcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends on schedule. Returns the lateness of each message and the error that ended it early.
    fn send(&self, mut writer: LineWriter, schedule: &[ScheduledMessage]) -> (Vec<u64>, Option<BridgeError>) {
        let mut lateness_ns = Vec::with_capacity(schedule.len());
        let clock = self.loop_context.clock;
        for due in schedule {
            let due_ns = self.begin_ns + due.at_ns;
            while clock.now_ns() + NAP_NS < due_ns && !self.halt.load(Ordering::Relaxed) {
                clock.rest_until(clock.now_ns() + NAP_NS / 2);
            }
            if self.halt.load(Ordering::Relaxed) {
                break;
            }
            clock.sleep_until(due_ns);
            if due.wants.is_some() {
                // Before the write, so that no reply can arrive earlier.
                self.matcher().ask(due_ns, due.id.map(MessageId::Number), due.wants);
            }
            lateness_ns.push(clock.now_ns().saturating_sub(due_ns));
            if let Err(error) = writer.send(&due.line, &self.halt) {
                return (lateness_ns, Some(error));
            }
        }
        (lateness_ns, None)
    }

    /// Takes replies until none is due. Returns the error that ended it early.
    fn collect(
        &self,
        client: &mut Client,
        into: &mut ReplayReplies,
        all_sent: impl Fn() -> bool,
    ) -> Option<BridgeError> {
        let clock = self.loop_context.clock;
        let patience_ns = nanos(client.timeout());
        let look_up = client.timeout().min(Duration::from_nanos(NAP_NS));
        let mut last_ns = clock.now_ns();
        loop {
            // The order matters: by then, everything sent has been registered.
            let finished = all_sent();
            if finished && self.owed(into) == 0 {
                return None;
            }
            if self.loop_context.stop.load(Ordering::Relaxed) {
                return Some(BridgeError::Interrupted);
            }
            if !finished {
                last_ns = clock.now_ns();
            }
            let reply = client.receive(Instant::now() + look_up, self.loop_context.stop);
            let at_ns = clock.now_ns();
            let (surplus, is_overdue) = (into.trips.surplus, at_ns.saturating_sub(last_ns) > patience_ns);
            match reply {
                Ok(reply) => self.note(reply.id, at_ns, into),
                Err(BridgeError::NoReply { .. }) if !is_overdue => continue,
                Err(BridgeError::NoReply { waited }) => {
                    into.trips.note_fault(&BridgeError::NoReply { waited });
                    return None;
                }
                Err(error @ (BridgeError::Refused { .. } | BridgeError::Garbled { .. })) => self.skip(&error, into),
                Err(error) => return Some(error),
            }
            if into.trips.surplus > surplus {
                // Lines that answer nothing do not extend the deadline.
                if is_overdue {
                    into.trips.note_fault(&BridgeError::NoReply { waited: client.timeout() });
                    return None;
                }
                continue;
            }
            into.trips.answered += 1;
            self.loop_context.replies.fetch_add(1, Ordering::Relaxed);
            into.trips.duration_ns = at_ns.saturating_sub(self.begin_ns);
            last_ns = at_ns;
        }
    }

    /// Messages still waiting for a reply. If replies have ids, unreadable ones and refusals did not remove any.
    fn owed(&self, so_far: &ReplayReplies) -> u64 {
        let nameless = if self.loop_context.ids { so_far.nameless } else { 0 };
        self.matcher().waiting().saturating_sub(nameless)
    }

    /// Handles a reply that gives no sample. In order mode it keeps its place.
    fn skip(&self, error: &BridgeError, into: &mut ReplayReplies) {
        into.trips.note_fault(error);
        into.trips.garbled += u64::from(matches!(error, BridgeError::Garbled { .. }));
        into.nameless += 1;
        if !self.loop_context.ids {
            self.matcher().answer(None, None);
        }
    }

    fn note(&self, id: Option<u64>, at_ns: u64, into: &mut ReplayReplies) {
        let mut matcher = self.matcher();
        let answer = matcher.answer(id.map(MessageId::Number).as_ref(), None);
        let quiet = matcher.waiting() == 0;
        drop(matcher);
        match answer {
            ReplyMatch::Of { asked_ns, ack: Some(ack) } => {
                into.latency_ns[ack as usize].push(at_ns.saturating_sub(asked_ns));
            }
            ReplyMatch::Of { ack: None, .. } | ReplyMatch::Unassigned => into.unassigned += 1,
            ReplyMatch::Unasked => into.trips.surplus += 1,
        }
        if quiet {
            into.certain = [0, 1].map(|ack| into.latency_ns[ack].len());
        }
    }
}
