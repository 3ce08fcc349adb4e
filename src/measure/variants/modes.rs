//! The three ways to handle replies, over the same arrivals.

use std::sync::atomic::Ordering;

use super::super::open::{MessageSource, open_loop};
use super::super::round_trips::{CaseEnd, LoopContext, deadline_ns};
use crate::bridge::{BridgeError, Client, Message, PendingMessages};

/// Time from making a schedule to its first message.
const LEAD_NS: u64 = 10_000_000;

/// Result of one way in one round.
#[derive(Debug, Default)]
pub struct ModeResult {
    /// From each message's due time to its parsed reply, in nanoseconds, in sending order.
    pub latency_ns: Vec<u64>,
    /// Open loop: when each message was due, in nanoseconds of the clock.
    pub due_ns: Vec<u64>,
    /// Open loop: send lateness of each message, in nanoseconds.
    pub lateness_ns: Vec<u64>,
    /// From the first due time to the last reply, in nanoseconds.
    pub duration_ns: u64,
    /// Cost to the sender: time inside each write, in nanoseconds, if measured.
    pub write_ns: Vec<u64>,
}

/// Sends each message when it is due and reads replies as they arrive.
///
/// # Errors
/// Whatever kept a message from being answered: a round must be complete.
pub fn pipelined(
    client: &mut Client,
    lines: &mut (impl MessageSource + Send),
    due_ns: &[u64],
    loop_context: LoopContext<'_>,
) -> Result<ModeResult, BridgeError> {
    let trips = open_loop(client, lines, due_ns, loop_context);
    match trips.end {
        CaseEnd::Interrupted => return Err(BridgeError::Interrupted),
        CaseEnd::Broken(error) => return Err(error),
        CaseEnd::Complete => {}
    }
    if trips.surplus > 0 {
        return Err(BridgeError::Surplus { count: trips.surplus });
    }
    if trips.latency_ns.len() != due_ns.len() {
        let (sent, usable) = (due_ns.len(), trips.latency_ns.len());
        return Err(BridgeError::Unanswered { sent, usable, lost: trips.lost });
    }
    let first_ns = due_ns.first().copied().unwrap_or(0);
    Ok(ModeResult {
        latency_ns: trips.latency_ns,
        due_ns: trips.due_ns,
        lateness_ns: trips.lateness_ns,
        duration_ns: trips.duration_ns.saturating_sub(first_ns),
        ..ModeResult::default()
    })
}

/// Sends each message when it is due **and** the previous reply has arrived: messages that are due in the meantime
/// wait, and their latency counts from their due time.
///
/// # Errors
/// Those of an exchange.
pub fn request(
    client: &mut Client,
    message: &mut Message,
    due_ns: &[u64],
    loop_context: LoopContext<'_>,
) -> Result<ModeResult, BridgeError> {
    let begin_ns = loop_context.clock.now_ns() + LEAD_NS;
    let mut driven = ModeResult { latency_ns: Vec::with_capacity(due_ns.len()), ..ModeResult::default() };
    for offset_ns in due_ns {
        let due_ns = begin_ns + offset_ns;
        let number = client.number(1);
        let line = message.line(number);
        wait_until(due_ns, loop_context)?;
        client.send(line, loop_context.stop)?;
        let deadline = loop_context.clock.instant(deadline_ns(client, loop_context.clock.now_ns()));
        client.receive_for(&mut PendingMessages::for_one(number), deadline, loop_context.stop)?;
        driven.latency_ns.push(loop_context.clock.now_ns() - due_ns);
        loop_context.replies.fetch_add(1, Ordering::Relaxed);
    }
    driven.duration_ns = loop_context.clock.now_ns().saturating_sub(begin_ns + due_ns.first().copied().unwrap_or(0));
    Ok(driven)
}

/// How the end of a run without replies is detected.
#[derive(Debug)]
pub enum Barrier<'a> {
    /// The bridge's counters, queried before and after; no message is answered.
    Stats(&'a mut Message),
    /// One more of the same messages: all of them are answered, and the replies are read at the end.
    Same,
}

/// Outcome of messages sent without waiting for replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryCount {
    /// Number of applied commands.
    pub delivered: u64,
    /// From the last write to the barrier's reply, in nanoseconds. `None` if a reply was still missing at the timeout:
    /// the wait would then be the timeout, and when the last command was applied is unknown.
    pub drain_ns: Option<u64>,
}

/// Sends each message when it is due without waiting, then waits for the barrier.
///
/// # Errors
/// Those of a write, and of the barrier.
pub fn fire_and_forget(
    client: &mut Client,
    message: &mut Message,
    due_ns: &[u64],
    barrier: Barrier<'_>,
    loop_context: LoopContext<'_>,
) -> Result<(ModeResult, DeliveryCount), BridgeError> {
    let mut barrier = barrier;
    let before = match &mut barrier {
        Barrier::Stats(stats) => applied(client, stats, loop_context)?,
        Barrier::Same => 0,
    };
    let begin_ns = loop_context.clock.now_ns() + LEAD_NS;
    let mut driven = ModeResult { write_ns: Vec::with_capacity(due_ns.len()), ..ModeResult::default() };
    let mut waiting = PendingMessages::default();
    for offset_ns in due_ns {
        let number = client.number(1);
        let line = message.line(number);
        waiting.push(number);
        wait_until(begin_ns + offset_ns, loop_context)?;
        let written_ns = loop_context.clock.now_ns();
        client.send(line, loop_context.stop)?;
        driven.write_ns.push(loop_context.clock.now_ns() - written_ns);
        loop_context.replies.fetch_add(1, Ordering::Relaxed);
    }
    let last_ns = loop_context.clock.now_ns();
    let (delivered, is_drained) = match &mut barrier {
        Barrier::Stats(stats) => (applied(client, stats, loop_context)?.saturating_sub(before), true),
        Barrier::Same => answered(client, message, waiting, loop_context)?,
    };
    let now_ns = loop_context.clock.now_ns();
    driven.duration_ns = now_ns.saturating_sub(begin_ns + due_ns.first().copied().unwrap_or(0));
    Ok((driven, DeliveryCount { delivered, drain_ns: is_drained.then(|| now_ns - last_ns) }))
}

/// Commands the bridge has applied; the query is answered after everything before it.
fn applied(client: &mut Client, stats: &mut Message, loop_context: LoopContext<'_>) -> Result<u64, BridgeError> {
    let reply = client.exchange(stats, loop_context.stop)?;
    let missing = || BridgeError::Refused { message: "the reply to stats has no `applied`".into() };
    reply.applied.ok_or_else(missing)
}

/// Sends one more message and reads replies until all are answered or time is up. Returns how many were, without the
/// last one, and whether all were.
fn answered(
    client: &mut Client,
    message: &mut Message,
    mut waiting: PendingMessages,
    loop_context: LoopContext<'_>,
) -> Result<(u64, bool), BridgeError> {
    let sent = waiting.len();
    let last = client.number(1);
    client.send(message.line(last), loop_context.stop)?;
    waiting.push(last);
    let deadline = loop_context.clock.instant(deadline_ns(client, loop_context.clock.now_ns()));
    while !waiting.is_empty() {
        match client.receive_for(&mut waiting, deadline, loop_context.stop) {
            Ok(_) => {}
            // The missing reply may be any of them, including the last.
            Err(BridgeError::NoReply { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(((sent - waiting.len().min(sent)) as u64, waiting.is_empty()))
}

/// Sleeps, then spins, until the given time; Ctrl-C ends it early.
///
/// # Errors
/// [`BridgeError::Interrupted`].
pub fn wait_until(at_ns: u64, loop_context: LoopContext<'_>) -> Result<(), BridgeError> {
    const NAP_NS: u64 = 50_000_000;
    while loop_context.clock.now_ns() + NAP_NS < at_ns && !loop_context.stop.load(Ordering::Relaxed) {
        loop_context.clock.sleep_until(loop_context.clock.now_ns() + NAP_NS / 2);
    }
    if loop_context.stop.load(Ordering::Relaxed) {
        return Err(BridgeError::Interrupted);
    }
    loop_context.clock.sleep_until(at_ns);
    Ok(())
}
