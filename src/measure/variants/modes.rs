//! The three ways to handle replies, over the same arrivals.

use std::sync::atomic::Ordering;

use super::super::open::{Lines, open_loop};
use super::super::round_trips::{End, LoopContext, deadline_ns};
use crate::bridge::{BridgeError, Client, Message, Waiting};

/// Time from making a schedule to its first message.
const LEAD_NS: u64 = 10_000_000;

/// Result of one way in one round.
#[derive(Debug, Default)]
pub struct Driven {
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
    lines: &mut (impl Lines + Send),
    due_ns: &[u64],
    bench: LoopContext<'_>,
) -> Result<Driven, BridgeError> {
    let trips = open_loop(client, lines, due_ns, bench);
    match trips.end {
        End::Interrupted => return Err(BridgeError::Interrupted),
        End::Broken(error) => return Err(error),
        End::Complete => {}
    }
    if trips.surplus > 0 {
        return Err(BridgeError::Surplus { count: trips.surplus });
    }
    if trips.latency_ns.len() != due_ns.len() {
        let (sent, usable) = (due_ns.len(), trips.latency_ns.len());
        return Err(BridgeError::Unanswered { sent, usable, lost: trips.lost });
    }
    let first_ns = due_ns.first().copied().unwrap_or(0);
    Ok(Driven {
        latency_ns: trips.latency_ns,
        due_ns: trips.due_ns,
        lateness_ns: trips.lateness_ns,
        duration_ns: trips.duration_ns.saturating_sub(first_ns),
        ..Driven::default()
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
    bench: LoopContext<'_>,
) -> Result<Driven, BridgeError> {
    let begin_ns = bench.clock.now_ns() + LEAD_NS;
    let mut driven = Driven { latency_ns: Vec::with_capacity(due_ns.len()), ..Driven::default() };
    for offset_ns in due_ns {
        let due_ns = begin_ns + offset_ns;
        let number = client.number(1);
        let line = message.line(number);
        wait_until(due_ns, bench)?;
        client.send(line, bench.stop)?;
        let deadline = bench.clock.instant(deadline_ns(client, bench.clock.now_ns()));
        client.receive_for(&mut Waiting::for_one(number), deadline, bench.stop)?;
        driven.latency_ns.push(bench.clock.now_ns() - due_ns);
        bench.replies.fetch_add(1, Ordering::Relaxed);
    }
    driven.duration_ns = bench.clock.now_ns().saturating_sub(begin_ns + due_ns.first().copied().unwrap_or(0));
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
pub struct Delivered {
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
    bench: LoopContext<'_>,
) -> Result<(Driven, Delivered), BridgeError> {
    let mut barrier = barrier;
    let before = match &mut barrier {
        Barrier::Stats(stats) => applied(client, stats, bench)?,
        Barrier::Same => 0,
    };
    let begin_ns = bench.clock.now_ns() + LEAD_NS;
    let mut driven = Driven { write_ns: Vec::with_capacity(due_ns.len()), ..Driven::default() };
    let mut waiting = Waiting::default();
    for offset_ns in due_ns {
        let number = client.number(1);
        let line = message.line(number);
        waiting.push(number);
        wait_until(begin_ns + offset_ns, bench)?;
        let written_ns = bench.clock.now_ns();
        client.send(line, bench.stop)?;
        driven.write_ns.push(bench.clock.now_ns() - written_ns);
        bench.replies.fetch_add(1, Ordering::Relaxed);
    }
    let last_ns = bench.clock.now_ns();
    let (delivered, is_drained) = match &mut barrier {
        Barrier::Stats(stats) => (applied(client, stats, bench)?.saturating_sub(before), true),
        Barrier::Same => answered(client, message, waiting, bench)?,
    };
    let now_ns = bench.clock.now_ns();
    driven.duration_ns = now_ns.saturating_sub(begin_ns + due_ns.first().copied().unwrap_or(0));
    Ok((driven, Delivered { delivered, drain_ns: is_drained.then(|| now_ns - last_ns) }))
}

/// Commands the bridge has applied; the query is answered after everything before it.
fn applied(client: &mut Client, stats: &mut Message, bench: LoopContext<'_>) -> Result<u64, BridgeError> {
    let reply = client.exchange(stats, bench.stop)?;
    let missing = || BridgeError::Refused { message: "the reply to stats has no `applied`".into() };
    reply.applied.ok_or_else(missing)
}

/// Sends one more message and reads replies until all are answered or time is up. Returns how many were, without the
/// last one, and whether all were.
fn answered(
    client: &mut Client,
    message: &mut Message,
    mut waiting: Waiting,
    bench: LoopContext<'_>,
) -> Result<(u64, bool), BridgeError> {
    let sent = waiting.len();
    let last = client.number(1);
    client.send(message.line(last), bench.stop)?;
    waiting.push(last);
    let deadline = bench.clock.instant(deadline_ns(client, bench.clock.now_ns()));
    while !waiting.is_empty() {
        match client.receive_for(&mut waiting, deadline, bench.stop) {
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
pub fn wait_until(at_ns: u64, bench: LoopContext<'_>) -> Result<(), BridgeError> {
    const NAP_NS: u64 = 50_000_000;
    while bench.clock.now_ns() + NAP_NS < at_ns && !bench.stop.load(Ordering::Relaxed) {
        bench.clock.sleep_until(bench.clock.now_ns() + NAP_NS / 2);
    }
    if bench.stop.load(Ordering::Relaxed) {
        return Err(BridgeError::Interrupted);
    }
    bench.clock.sleep_until(at_ns);
    Ok(())
}
