//! The three ways to wait, over the same arrivals.

use std::sync::atomic::Ordering;

use super::super::open::{Lines, open_loop};
use super::super::round_trips::{End, LoopContext, deadline_ns};
use crate::bridge::{BridgeError, Client, Message, Waiting};

/// Time between making a schedule and its first moment.
const LEAD_NS: u64 = 10_000_000;

/// What one way made of one round.
#[derive(Debug, Default)]
pub struct Driven {
    /// From each message's due moment to its parsed reply, in nanoseconds, in the order of sending.
    pub latency_ns: Vec<u64>,
    /// In an open loop: when each message was due, in nanoseconds of the clock.
    pub due_ns: Vec<u64>,
    /// In an open loop: how late each was sent.
    pub lateness_ns: Vec<u64>,
    /// From the first due moment to the last reply.
    pub duration_ns: u64,
    /// What it cost the sender: the time inside each write, where that was measured.
    pub write_ns: Vec<u64>,
}

/// Sends each message when it is due and takes replies as they come.
///
/// # Errors
/// What kept any message from being answered: a round with a gap is no round.
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

/// Sends each message when it is due **and** the reply to the one before is there: what comes meanwhile waits, and its latency
/// counts from when it was due.
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

/// How the end of a run without replies is known.
#[derive(Debug)]
pub enum Barrier<'a> {
    /// The counters of the bridge, asked before and after; no message is answered.
    Stats(&'a mut Message),
    /// One more of the same messages: every one of them is answered, and the answers are taken at the end.
    Same,
}

/// What became of messages whose replies nobody waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// How many were carried out.
    pub delivered: u64,
    /// From the last write to the barrier's reply, in nanoseconds. `None` when a reply was still missing at the timeout: what was
    /// waited for then is the timeout, and when the last command was carried out is not known.
    pub drain_ns: Option<u64>,
}

/// Sends each message when it is due and waits for nothing, then for the barrier.
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

/// Commands that the bridge has carried out, asked so that everything before the question is among them.
fn applied(client: &mut Client, stats: &mut Message, bench: LoopContext<'_>) -> Result<u64, BridgeError> {
    let reply = client.exchange(stats, bench.stop)?;
    let missing = || BridgeError::Refused { message: "the reply to stats has no `applied`".into() };
    reply.applied.ok_or_else(missing)
}

/// Sends one more and takes replies until all that wait have theirs, or the time is up. Says how many did, the last one left out,
/// and whether all did.
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
            // The one that is missing may be any of them, the last included.
            Err(BridgeError::NoReply { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(((sent - waiting.len().min(sent)) as u64, waiting.is_empty()))
}

/// Sleeps, then spins, until the moment; ends sooner for Ctrl-C.
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
