//! Lone exchanges at random times, with every timestamp available to the client.

use std::sync::atomic::Ordering;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::round_trips::{CaseEnd, LoopContext, deadline_ns};
use crate::bridge::{BridgeError, Client, Message, PendingMessages, Reply};

/// Shortest and longest pause before a message, in nanoseconds: wide relative to a frame, so that messages meet every
/// phase of it, and long enough for the previous message to be finished.
const REST_NS: std::ops::Range<u64> = 5_000_000..105_000_000;

/// Longest sleep before the stop flag is checked again, in nanoseconds.
const NAP_NS: u64 = 50_000_000;

/// The bridge's timestamps, in nanoseconds of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeTimestamps {
    /// The message was read.
    pub received_ns: u64,
    /// The message was parsed.
    pub parsed_ns: u64,
    /// The frame that applied the message began.
    pub frame_ns: Option<u64>,
    /// The main thread took the message from the queue.
    pub dequeued_ns: Option<u64>,
    /// The command was applied.
    pub applied_ns: Option<u64>,
    /// The reply is about to be written.
    pub replied_ns: u64,
    /// Number of the frame that applied the message.
    pub frame: Option<u64>,
}

impl BridgeTimestamps {
    fn of(reply: &Reply) -> Option<Self> {
        Some(Self {
            received_ns: reply.received_ns?,
            parsed_ns: reply.parsed_ns?,
            frame_ns: reply.frame_ns,
            dequeued_ns: reply.dequeued_ns,
            applied_ns: reply.applied_ns,
            replied_ns: reply.replied_ns?,
            frame: reply.frame,
        })
    }
}

/// One exchange. Times are nanoseconds of our clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The message is about to be serialised.
    pub begin_ns: u64,
    /// The message is serialised and about to be written.
    pub write_ns: u64,
    /// The write returned.
    pub written_ns: u64,
    /// The reply was read.
    pub arrived_ns: u64,
    /// The reply was parsed.
    pub parsed_ns: u64,
    /// The bridge's timestamps, if it reports them.
    pub stamps: Option<BridgeTimestamps>,
}

/// Sends `count` messages one at a time after random pauses and awaits each reply. Returns the exchanges and why the
/// run stopped.
pub fn measure_exchanges(
    client: &mut Client,
    make: &dyn Fn() -> Message,
    count: usize,
    seed: u64,
    loop_context: LoopContext<'_>,
) -> (Vec<Exchange>, CaseEnd) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut exchanges = Vec::with_capacity(count);
    for _ in 0..count {
        rest(random.random_range(REST_NS), loop_context);
        if loop_context.stop.load(Ordering::Relaxed) {
            return (exchanges, CaseEnd::Interrupted);
        }
        match exchange(client, make, loop_context) {
            Ok(exchange) => exchanges.push(exchange),
            Err(BridgeError::Interrupted) => return (exchanges, CaseEnd::Interrupted),
            Err(error) => return (exchanges, CaseEnd::Broken(error)),
        }
        loop_context.replies.fetch_add(1, Ordering::Relaxed);
    }
    (exchanges, CaseEnd::Complete)
}

fn rest(rest_ns: u64, loop_context: LoopContext<'_>) {
    let until_ns = loop_context.clock.now_ns() + rest_ns;
    while loop_context.clock.now_ns() + NAP_NS < until_ns && !loop_context.stop.load(Ordering::Relaxed) {
        loop_context.clock.rest_until(loop_context.clock.now_ns() + NAP_NS / 2);
    }
    loop_context.clock.sleep_until(until_ns);
}

fn exchange(
    client: &mut Client,
    make: &dyn Fn() -> Message,
    loop_context: LoopContext<'_>,
) -> Result<Exchange, BridgeError> {
    let clock = loop_context.clock;
    if !loop_context.ids {
        client.skip_unread();
    }
    let number = client.number(1);
    let begin_ns = clock.now_ns();
    let mut message = make();
    let line = message.line(number);
    let write_ns = clock.now_ns();
    let deadline = clock.instant(deadline_ns(client, write_ns));
    client.send(line, loop_context.stop)?;
    let written_ns = clock.now_ns();
    let answered =
        client.receive_for_at(&mut PendingMessages::for_one(number), deadline, loop_context.stop, || clock.now_ns())?;
    let parsed_ns = clock.now_ns();
    if answered.reply.overflow {
        return Err(BridgeError::Refused { message: "its queue is full".into() });
    }
    let stamps = BridgeTimestamps::of(&answered.reply);
    Ok(Exchange { begin_ns, write_ns, written_ns, arrived_ns: answered.at, parsed_ns, stamps })
}
