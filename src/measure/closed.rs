//! The closed loop: each message is sent when the reply to the previous one has arrived.

use std::sync::atomic::Ordering;

use super::round_trips::{CaseEnd, LoopContext, RoundTrips, deadline_ns, renew};
use crate::bridge::{BridgeError, Client, Message, PendingMessages};

/// The loop ends after this many failures in a row: more messages would only time out, too.
const FAILURES_IN_A_ROW: u32 = 3;

/// Sends `messages` one after the other and times each until its reply is parsed.
///
/// A message without a reply is lost and the connection is replaced; otherwise a late reply would be matched with the
/// next message and shift every later figure by one.
pub(super) fn closed_loop(
    client: &mut Client,
    message: &mut Message,
    messages: usize,
    loop_context: LoopContext<'_>,
) -> RoundTrips {
    let mut trips = RoundTrips::new(messages);
    let began_ns = loop_context.clock.now_ns();
    let mut failures = 0;
    for _ in 0..messages {
        if loop_context.stop.load(Ordering::Relaxed) {
            trips.end = CaseEnd::Interrupted;
            break;
        }
        if !loop_context.ids {
            // A second copy of a reply that has already arrived is discarded here; later copies are found by other
            // checks.
            client.skip_unread();
        }
        trips.sent += 1;
        match exchange(client, message, loop_context) {
            Ok(latency_ns) => {
                trips.latency_ns.push(latency_ns);
                trips.answered += 1;
                loop_context.replies.fetch_add(1, Ordering::Relaxed);
                failures = 0;
            }
            Err(BridgeError::Interrupted) => {
                trips.in_flight = 1;
                trips.end = CaseEnd::Interrupted;
            }
            Err(error @ BridgeError::Garbled { .. }) => {
                // A line arrived, so the order of the other replies is intact.
                trips.note_fault(&error);
                trips.garbled += 1;
                trips.answered += 1;
                failures = 0;
            }
            Err(error) => {
                trips.note_fault(&error);
                trips.lost += 1;
                failures += 1;
                if failures == FAILURES_IN_A_ROW || matches!(error, BridgeError::Refused { .. }) {
                    trips.end = CaseEnd::Broken(error);
                } else {
                    renew(client, &mut trips, loop_context);
                }
            }
        }
        if !matches!(trips.end, CaseEnd::Complete) {
            break;
        }
    }
    trips.duration_ns = loop_context.clock.now_ns() - began_ns;
    trips
}

/// One timed exchange, in nanoseconds.
fn exchange(client: &mut Client, message: &mut Message, loop_context: LoopContext<'_>) -> Result<u64, BridgeError> {
    let number = client.number(1);
    let line = message.line(number);
    let sent_ns = loop_context.clock.now_ns();
    let deadline_ns = deadline_ns(client, sent_ns);
    client.send(line, loop_context.stop)?;
    client.receive_for(
        &mut PendingMessages::for_one(number),
        loop_context.clock.instant(deadline_ns),
        loop_context.stop,
    )?;
    let arrived_ns = loop_context.clock.now_ns();
    if arrived_ns > deadline_ns {
        // The reply arrived between two clock checks, but after the timeout.
        return Err(BridgeError::NoReply { waited: client.timeout() });
    }
    Ok(arrived_ns - sent_ns)
}
