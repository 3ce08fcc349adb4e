//! One reaction: several commands due at the same time, and the time until the last one is applied.

use std::sync::atomic::Ordering;

use super::super::round_trips::{LoopContext, deadline_ns};
use super::super::signatures::waited_for_an_acknowledgement;
use super::modes::wait_until;
use crate::bridge::{BridgeError, Client, Message, PendingMessages, Reply};

/// Minimum share of reactions with held replies that is reported, in percent. A 40 ms frame that begins among the
/// commands of a reaction looks the same, but far fewer reactions meet one.
pub const LEAST_HELD_PERCENT: f64 = 20.0;

/// Result of one reaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReactionSample {
    /// From the due time of its commands to the last reply, in nanoseconds.
    pub latency_ns: u64,
    /// Number of frames over which its commands were applied, if replies number them.
    pub frames: Option<u64>,
    /// Whether a reply arrived one acknowledgement delay after the previous one although all messages had been sent
    /// before: the bridge held it back.
    pub is_held: bool,
}

/// At `at_ns` of the clock, sends `messages` and reads a reply to each: one by one if `in_turn`, otherwise all at once.
///
/// # Errors
/// Those of an exchange.
pub fn react(
    client: &mut Client,
    messages: &mut [Message],
    in_turn: bool,
    at_ns: u64,
    loop_context: LoopContext<'_>,
) -> Result<ReactionSample, BridgeError> {
    wait_until(at_ns, loop_context)?;
    let deadline = loop_context.clock.instant(deadline_ns(client, at_ns));
    let mut frames: Option<(u64, u64)> = None;
    let mut take = |reply: &Reply| {
        if let Some(frame) = reply.frame {
            let (first, last) = frames.unwrap_or((frame, frame));
            frames = Some((first.min(frame), last.max(frame)));
        }
    };
    let mut arrived_ns = Vec::with_capacity(messages.len());
    let mut waiting = PendingMessages::default();
    for message in messages {
        let number = client.number(1);
        client.send(message.line(number), loop_context.stop)?;
        waiting.push(number);
        if in_turn {
            take(&client.receive_for(&mut waiting, deadline, loop_context.stop)?.reply);
        }
    }
    while !waiting.is_empty() {
        take(&client.receive_for(&mut waiting, deadline, loop_context.stop)?.reply);
        arrived_ns.push(loop_context.clock.now_ns());
    }
    loop_context.replies.fetch_add(1, Ordering::Relaxed);
    let latency_ns = loop_context.clock.now_ns() - at_ns;
    Ok(ReactionSample {
        latency_ns,
        frames: frames.map(|(first, last)| last - first + 1),
        is_held: waited_for_an_acknowledgement(&arrived_ns),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    fn frame_spaced_replies_are_not_held() {
        let at_ms = |moments: &[f64]| moments.iter().map(|ms| (ms * 1e6) as u64).collect::<Vec<_>>();
        for (moments, is_held) in [
            (&[][..], false),
            (&[8.0], false),
            (&[8.0, 8.1, 8.2, 24.9], false),
            // Nine frames of 4.4 ms add up to the same time, but no two replies are that far apart.
            (&[0.0, 4.4, 8.9, 13.3, 17.8, 22.2, 26.7, 31.1, 35.6, 40.0], false),
            (&[8.0, 48.3, 48.3], true),
            (&[8.0, 8.1, 208.6], true),
        ] {
            assert_eq!(waited_for_an_acknowledgement(&at_ms(moments)), is_held, "{moments:?}");
        }
    }
}
