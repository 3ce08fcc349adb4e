//! One reaction: several commands that come at the same moment, and the time until the last of them is applied.

use std::sync::atomic::Ordering;

use super::super::round_trips::{Bench, deadline_ns};
use super::modes::wait_until;
use crate::bridge::{BridgeError, Client, Message, Reply, Waiting};

/// What became of one reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reacted {
    /// From the moment at which its commands came to the last reply, in nanoseconds.
    pub latency_ns: u64,
    /// Over how many frames its commands were applied, where the replies number them.
    pub frames: Option<u64>,
}

/// At `at_ns` of the clock, sends `messages` and takes a reply to each: in turn if `in_turn`, else all at once.
///
/// # Errors
/// Those of an exchange.
pub fn react(
    client: &mut Client,
    messages: &mut [Message],
    in_turn: bool,
    at_ns: u64,
    bench: Bench<'_>,
) -> Result<Reacted, BridgeError> {
    wait_until(at_ns, bench)?;
    let deadline = bench.clock.instant(deadline_ns(client, at_ns));
    let mut frames: Option<(u64, u64)> = None;
    let mut take = |reply: &Reply| {
        if let Some(frame) = reply.frame {
            let (first, last) = frames.unwrap_or((frame, frame));
            frames = Some((first.min(frame), last.max(frame)));
        }
    };
    let mut waiting = Waiting::default();
    for message in messages {
        let number = client.number(1);
        client.send(message.line(number), bench.stop)?;
        waiting.push(number);
        if in_turn {
            take(&client.receive_for(&mut waiting, deadline, bench.stop)?.reply);
        }
    }
    while !waiting.is_empty() {
        take(&client.receive_for(&mut waiting, deadline, bench.stop)?.reply);
    }
    bench.replies.fetch_add(1, Ordering::Relaxed);
    let latency_ns = bench.clock.now_ns() - at_ns;
    Ok(Reacted { latency_ns, frames: frames.map(|(first, last)| last - first + 1) })
}
