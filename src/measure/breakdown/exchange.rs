//! Lone exchanges at random moments, with every moment that this side can see.

use std::sync::atomic::Ordering;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::super::round_trips::{End, LoopContext, deadline_ns};
use crate::bridge::{BridgeError, Client, Message, Reply, Waiting};

/// Shortest and longest rest before a message, in nanoseconds. Wide against a frame, so that messages meet it anywhere, and
/// long enough for the last one to be over.
const REST_NS: std::ops::Range<u64> = 5_000_000..105_000_000;

/// Longest sleep before it looks whether it should end, in nanoseconds.
const NAP_NS: u64 = 50_000_000;

/// The bridge's own moments, nanoseconds of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamps {
    /// The message had been read.
    pub received_ns: u64,
    /// It had been understood.
    pub parsed_ns: u64,
    /// The frame that applied it began.
    pub frame_ns: Option<u64>,
    /// The main thread took it from the queue.
    pub dequeued_ns: Option<u64>,
    /// It had been carried out.
    pub applied_ns: Option<u64>,
    /// The reply was about to be written.
    pub replied_ns: u64,
    /// Number of the frame that applied it.
    pub frame: Option<u64>,
}

impl Stamps {
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

/// One exchange. Moments of our clock, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The message was about to be made.
    pub begin_ns: u64,
    /// It had been made, and was about to be written.
    pub write_ns: u64,
    /// The write had returned.
    pub written_ns: u64,
    /// The reply had been read.
    pub arrived_ns: u64,
    /// It had been understood.
    pub parsed_ns: u64,
    /// The bridge's moments, where it tells them.
    pub stamps: Option<Stamps>,
}

/// Makes, sends and awaits `count` messages, one at a time, after random rests. Also how it ended.
pub fn measure_exchanges(
    client: &mut Client,
    make: &dyn Fn() -> Message,
    count: usize,
    seed: u64,
    bench: LoopContext<'_>,
) -> (Vec<Exchange>, End) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut exchanges = Vec::with_capacity(count);
    for _ in 0..count {
        rest(random.random_range(REST_NS), bench);
        if bench.stop.load(Ordering::Relaxed) {
            return (exchanges, End::Interrupted);
        }
        match exchange(client, make, bench) {
            Ok(exchange) => exchanges.push(exchange),
            Err(BridgeError::Interrupted) => return (exchanges, End::Interrupted),
            Err(error) => return (exchanges, End::Broken(error)),
        }
        bench.replies.fetch_add(1, Ordering::Relaxed);
    }
    (exchanges, End::Complete)
}

fn rest(rest_ns: u64, bench: LoopContext<'_>) {
    let until_ns = bench.clock.now_ns() + rest_ns;
    while bench.clock.now_ns() + NAP_NS < until_ns && !bench.stop.load(Ordering::Relaxed) {
        bench.clock.rest_until(bench.clock.now_ns() + NAP_NS / 2);
    }
    bench.clock.sleep_until(until_ns);
}

fn exchange(client: &mut Client, make: &dyn Fn() -> Message, bench: LoopContext<'_>) -> Result<Exchange, BridgeError> {
    let clock = bench.clock;
    if !bench.ids {
        client.pass_over_read();
    }
    let number = client.number(1);
    let begin_ns = clock.now_ns();
    let mut message = make();
    let line = message.line(number);
    let write_ns = clock.now_ns();
    let deadline = clock.instant(deadline_ns(client, write_ns));
    client.send(line, bench.stop)?;
    let written_ns = clock.now_ns();
    let answered = client.receive_for_at(&mut Waiting::for_one(number), deadline, bench.stop, || clock.now_ns())?;
    let parsed_ns = clock.now_ns();
    if answered.reply.overflow {
        return Err(BridgeError::Refused { message: "its queue is full".into() });
    }
    let stamps = Stamps::of(&answered.reply);
    Ok(Exchange { begin_ns, write_ns, written_ns, arrived_ns: answered.at, parsed_ns, stamps })
}
