//! The open loop: messages are sent on schedule, whether or not replies have arrived.
//!
//! One thread sends, this one receives; the schedule is fixed beforehand, so the two share a single counter.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::round_trips::{CaseEnd, LoopContext, RoundTrips, deadline_ns, renew};
use crate::bridge::{BridgeError, Client, LineWriter, Message, Reply};
use crate::clock::Clock;

/// Time from making the schedule to its first message, so that both threads are ready.
const LEAD_NS: u64 = 10_000_000;

/// Longest sleep before the sender checks the stop flag again.
const NAP_NS: u64 = 50_000_000;

/// Supplies the bytes of each message of an open loop, prepared beforehand.
pub trait MessageSource {
    /// The framed bytes of message `index` of the loop, which has `number` on the connection.
    fn line(&mut self, index: usize, number: u64) -> &[u8];
}

impl MessageSource for Message {
    fn line(&mut self, _index: usize, number: u64) -> &[u8] {
        Message::line(self, number)
    }
}

/// Sends one message at each of `schedule_ns`, counted from a start shortly after the call, and collects the replies.
pub(super) fn open_loop(
    client: &mut Client,
    message: &mut (impl MessageSource + Send),
    schedule_ns: &[u64],
    loop_context: LoopContext<'_>,
) -> RoundTrips {
    let mut trips = RoundTrips::new(schedule_ns.len());
    let writer = match client.writer() {
        Ok(writer) => writer,
        Err(error) => {
            trips.end_for(error);
            return trips;
        }
    };
    let sent = AtomicUsize::new(0);
    let halt = AtomicBool::new(false);
    let first_number = client.number(schedule_ns.len() as u64);
    let mut replies = MatchedReplies::new(schedule_ns.len(), loop_context.ids.then_some(first_number));
    let mut due_ns = schedule_ns.to_vec();
    let begin_ns = loop_context.clock.now_ns() + LEAD_NS;
    for offset_ns in &mut due_ns {
        *offset_ns += begin_ns;
    }
    let sending =
        ScheduledSender { due_ns: &due_ns, first_number, sent: &sent, halt: &halt, clock: loop_context.clock };
    let (end, sends) = thread::scope(|scope| {
        let sender = scope.spawn(|| sending.run(writer, message));
        let end = replies.collect(client, &due_ns, &sent, loop_context);
        halt.store(true, Ordering::Relaxed);
        (end, sender.join())
    });
    let Ok((sent_ns, send_error)) = sends else {
        // The sending thread should never panic; if it does, that is a bug to report and not a measurement.
        std::panic::resume_unwind(Box::new("the sending thread panicked"));
    };
    trips.duration_ns = replies.last_ns.saturating_sub(begin_ns);
    trips.lateness_ns = sent_ns.iter().zip(&due_ns).map(|(sent_ns, due_ns)| sent_ns.saturating_sub(*due_ns)).collect();
    trips.sent = sent_ns.len() as u64;
    settle_accounts(&mut trips, &replies, &due_ns, end, send_error);
    if trips.lost > 0 && matches!(trips.end, CaseEnd::Complete) {
        // Late replies on this connection would be matched with messages of the next case.
        renew(client, &mut trips, loop_context);
    }
    trips
}

/// Decides which arrivals count.
fn settle_accounts(
    trips: &mut RoundTrips,
    replies: &MatchedReplies,
    due_ns: &[u64],
    end: Option<BridgeError>,
    send_error: Option<BridgeError>,
) {
    trips.answered = replies.answered() as u64;
    trips.garbled = replies.garbled;
    trips.surplus = replies.surplus;
    let complete = trips.answered >= due_ns.len() as u64;
    // Without ids, arrivals after the last moment with nothing outstanding may belong to other messages than the order
    // suggests, unless every message was answered in the end.
    let certain = if complete || replies.has_ids() { replies.arrivals.len() } else { replies.certain };
    let counted = replies.arrivals.iter().zip(due_ns).take(certain);
    for (at_ns, due_ns) in counted.filter_map(|(at, due_ns)| at.map(|at_ns| (at_ns, *due_ns))) {
        trips.latency_ns.push(at_ns.saturating_sub(due_ns));
        trips.due_ns.push(due_ns);
    }
    trips.unmatched = replies.arrivals.iter().skip(certain).flatten().count() as u64;
    let unanswered = trips.sent.saturating_sub(trips.answered);
    if matches!(end, Some(BridgeError::Interrupted)) {
        trips.in_flight = unanswered;
        trips.end = CaseEnd::Interrupted;
        return;
    }
    trips.lost = unanswered;
    // Stopping the sender is not a fault of the bridge.
    let send_error = send_error.filter(|error| !matches!(error, BridgeError::Interrupted));
    for error in send_error.iter().chain(&end) {
        trips.note_fault(error);
    }
    // Silence or a closed connection costs only the affected messages; the connection is replaced and the run
    // continues.
    let passing = trips.answered > 0 && send_error.is_none() && matches!(end, Some(BridgeError::NoReply { .. }))
        || matches!(end, Some(BridgeError::Closed { .. }));
    trips.end = match (end, send_error) {
        (Some(_), _) if passing => CaseEnd::Complete,
        (_, Some(error)) | (Some(error), None) => CaseEnd::Broken(error),
        (None, None) => CaseEnd::Complete,
    };
}

/// State of the sending thread.
struct ScheduledSender<'a> {
    due_ns: &'a [u64],
    first_number: u64,
    /// Messages sent or being sent: incremented before each write, so that no reply can arrive before its message
    /// counts.
    sent: &'a AtomicUsize,
    halt: &'a AtomicBool,
    clock: &'a Clock,
}

impl ScheduledSender<'_> {
    /// Sends on schedule. Returns when each message was sent, in nanoseconds, and the error that ended it early.
    fn run(&self, mut writer: LineWriter, message: &mut impl MessageSource) -> (Vec<u64>, Option<BridgeError>) {
        let mut sent_ns = Vec::with_capacity(self.due_ns.len());
        for (index, &due_ns) in self.due_ns.iter().enumerate() {
            let line = message.line(index, self.first_number + index as u64);
            while self.clock.now_ns() + NAP_NS < due_ns && !self.halt.load(Ordering::Relaxed) {
                self.clock.sleep_until(self.clock.now_ns() + NAP_NS / 2);
            }
            if self.halt.load(Ordering::Relaxed) {
                break;
            }
            self.clock.sleep_until(due_ns);
            self.sent.store(index + 1, Ordering::Release);
            sent_ns.push(self.clock.now_ns());
            if let Err(error) = writer.send(line, self.halt) {
                return (sent_ns, Some(error));
            }
        }
        (sent_ns, None)
    }
}

/// The replies so far, each matched with its message.
struct MatchedReplies {
    /// Number of the first message, if replies have ids.
    first_number: Option<u64>,
    /// Arrival of the reply to each message, in nanoseconds of the clock. In order mode it grows reply by reply, with
    /// `None` for garbled ones; with ids, every message has its slot from the start.
    arrivals: Vec<Option<u64>>,
    /// Replies matched, with ids.
    matched: usize,
    /// Messages sent by the time of the last reply, with ids.
    sent_by_then: usize,
    /// Number of leading arrivals that are certain: nothing was outstanding at that time.
    certain: usize,
    garbled: u64,
    surplus: u64,
    /// Arrival of the last line, in nanoseconds of the clock; 0 before the first.
    last_ns: u64,
}

impl MatchedReplies {
    fn new(messages: usize, first_number: Option<u64>) -> Self {
        let mut arrivals = Vec::with_capacity(messages);
        if first_number.is_some() {
            arrivals.resize(messages, None);
        }
        Self { first_number, arrivals, matched: 0, sent_by_then: 0, certain: 0, garbled: 0, surplus: 0, last_ns: 0 }
    }

    fn has_ids(&self) -> bool {
        self.first_number.is_some()
    }

    /// Messages answered by a line, including garbled ones.
    fn answered(&self) -> usize {
        if self.has_ids() { self.matched } else { self.arrivals.len() }
    }

    /// Receives until every message is answered or one has timed out.
    fn collect(
        &mut self,
        client: &mut Client,
        due_ns: &[u64],
        sent: &AtomicUsize,
        loop_context: LoopContext<'_>,
    ) -> Option<BridgeError> {
        while self.answered() < due_ns.len() {
            // By order, the awaited message is known. With ids, one may be lost while others are answered: the case
            // then ends after silence, counted from the first message sent into it.
            let awaited = if self.has_ids() { self.sent_by_then } else { self.answered() };
            let awaited_ns = due_ns[awaited.min(due_ns.len() - 1)];
            let deadline = loop_context.clock.instant(deadline_ns(client, awaited_ns));
            let reply = client.receive(deadline, loop_context.stop);
            let arrived_ns = loop_context.clock.now_ns();
            let sent = sent.load(Ordering::Acquire);
            match reply {
                Ok(reply) => self.take(Some(&reply), arrived_ns, sent),
                Err(BridgeError::Garbled { .. }) => self.take(None, arrived_ns, sent),
                Err(error) => return Some(error),
            }
            loop_context.replies.fetch_add(1, Ordering::Relaxed);
        }
        None
    }

    /// Records one line: a reply, or `None` if it is garbled.
    fn take(&mut self, reply: Option<&Reply>, arrived_ns: u64, sent: usize) {
        self.last_ns = arrived_ns;
        self.garbled += u64::from(reply.is_none());
        if let Some(first_number) = self.first_number {
            self.sent_by_then = sent;
            self.take_by_id(reply, first_number, arrived_ns, sent);
        } else if self.arrivals.len() < sent {
            self.arrivals.push(reply.map(|_| arrived_ns));
            if self.arrivals.len() == sent {
                self.certain = sent;
            }
        } else {
            self.surplus += 1;
        }
    }

    fn take_by_id(&mut self, reply: Option<&Reply>, first_number: u64, arrived_ns: u64, sent: usize) {
        let Some(reply) = reply else {
            self.matched += 1;
            return;
        };
        let number = reply.id.and_then(Message::index_of);
        let index = number.and_then(|number| usize::try_from(number.checked_sub(first_number)?).ok());
        match index.filter(|&index| index < sent && self.arrivals[index].is_none()) {
            Some(index) => {
                self.arrivals[index] = Some(arrived_ns);
                self.matched += 1;
            }
            None => self.surplus += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bridge::Codec;

    fn reply(id: u64) -> Reply {
        Reply::parse(format!(r#"{{"id":{}}}"#, 1_000_000_000 + id).as_bytes(), Codec::Json).unwrap()
    }

    fn accounts(replies: &MatchedReplies, due_ns: &[u64], sent: u64, end: Option<BridgeError>) -> RoundTrips {
        let mut trips = RoundTrips::new(due_ns.len());
        trips.sent = sent;
        settle_accounts(&mut trips, replies, due_ns, end, None);
        trips
    }

    #[test]
    fn without_ids_a_loss_drops_all_after_the_last_idle_moment() {
        let mut replies = MatchedReplies::new(5, None);
        replies.take(Some(&reply(0)), 11, 1);
        // Message 1 is lost: the replies to 2 and 3 arrive while an earlier one is still awaited.
        replies.take(Some(&reply(0)), 35, 3);
        replies.take(Some(&reply(0)), 45, 4);
        let trips = accounts(&replies, &[10, 20, 30, 40, 50], 5, Some(BridgeError::NoReply { waited: Duration::ZERO }));
        assert_eq!((trips.latency_ns, trips.unmatched, trips.lost), (vec![1], 2, 2));
    }

    #[test]
    fn with_ids_a_loss_drops_only_itself() {
        let mut replies = MatchedReplies::new(4, Some(0));
        for (id, at_ns, sent) in [(0, 11, 1), (2, 35, 3), (3, 45, 4)] {
            replies.take(Some(&reply(id)), at_ns, sent);
        }
        let trips = accounts(&replies, &[10, 20, 30, 40], 4, Some(BridgeError::NoReply { waited: Duration::ZERO }));
        assert_eq!((trips.latency_ns, trips.unmatched, trips.lost), (vec![1, 5, 5], 0, 1));
    }

    #[test]
    fn unexpected_line_is_surplus() {
        for ids in [false, true] {
            let mut replies = MatchedReplies::new(2, ids.then_some(0));
            replies.take(Some(&reply(0)), 11, 1);
            replies.take(Some(&reply(0)), 12, 1);
            replies.take(Some(&reply(1)), 25, 2);
            let trips = accounts(&replies, &[10, 20], 2, None);
            assert_eq!((trips.latency_ns, trips.surplus, trips.lost), (vec![1, 5], 1, 0), "ids: {ids}");
        }
    }

    #[test]
    fn garbled_reply_keeps_its_slot_without_a_sample() {
        let mut replies = MatchedReplies::new(3, None);
        replies.take(Some(&reply(0)), 11, 1);
        replies.take(None, 22, 2);
        replies.take(Some(&reply(0)), 33, 3);
        let trips = accounts(&replies, &[10, 20, 30], 3, None);
        assert_eq!((trips.latency_ns, trips.garbled, trips.lost), (vec![1, 3], 1, 0));
    }
}
