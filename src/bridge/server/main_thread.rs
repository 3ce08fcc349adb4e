//! The main thread: runs frames, applies queued commands, and sends *applied* replies.

use std::time::Instant;

use super::applied_log::AppliedTimes;
use super::delay::Delay;
use super::frames::FrameGrid;
use super::message::{FrameStart, PendingReply, QueuedMessage};
use super::shared::Shared;
use super::status::Status;
use super::stop::lock;
use crate::clock::nanos;

/// Runs frames until the bridge is stopped.
pub(super) fn run(shared: &Shared) {
    let last_ordinal = shared.spec.pause_main_after.unwrap_or(u64::MAX);
    let mut frames = FrameGrid::new(&shared.spec, shared.clock.now_ns());
    let mut delay = Delay::applied(&shared.spec);
    let mut drained = Vec::new();
    let mut status = Status::new(shared);
    while shared.wait_out_stall() {
        let start_ns = frames.next_start_ns(shared.clock.now_ns());
        let awake = match start_ns {
            Some(start_ns) => shared.stop.wait_until(&shared.clock, start_ns),
            None => shared.queue.wait(last_ordinal),
        };
        if !awake {
            return;
        }
        if shared.is_stalled() {
            continue;
        }
        let this = FrameStart { number: shared.counts.frames.add(1), begin_ns: shared.clock.now_ns() };
        status.frame(shared);
        shared.queue.drain(last_ordinal, &mut drained);
        if !drained.is_empty() {
            shared.counts.busy_frames.add(1);
            let held = shared.spec.queue_delay;
            let on_time = held.is_zero() || shared.wait_until(this.begin_ns.saturating_add(nanos(held)));
            if !on_time || !frame(shared, &mut drained, &mut delay, start_ns.map(|_| this)) {
                return;
            }
        }
    }
}

/// A reply that is due within the frame.
struct DueReply {
    due_ns: u64,
    answer: PendingReply,
}

/// Applies and answers the drained messages. Returns false if the bridge was stopped.
fn frame(shared: &Shared, drained: &mut Vec<QueuedMessage>, delay: &mut Delay, frame: Option<FrameStart>) -> bool {
    let dequeued_ns = shared.clock.now_ns();
    let mut waiting = Vec::new();
    for QueuedMessage { received_ns, actions, answer, .. } in drained.drain(..) {
        for action in &actions {
            let work = shared.spec.apply_delay;
            if !work.is_zero() && !shared.wait_until(shared.clock.now_ns().saturating_add(nanos(work))) {
                return false;
            }
            lock(&shared.avatar).apply(action);
        }
        if !actions.is_empty() {
            // Recorded before it is counted, so that a caller waiting for the count finds the time.
            let received = shared.clock.instant(received_ns);
            *lock(&shared.last_applied) = Some(AppliedTimes { received, applied: Instant::now() });
        }
        shared.counts.applied.add(actions.len() as u64);
        let Some(mut answer) = answer else { continue };
        let applied_ns = shared.clock.now_ns();
        answer.times.frame = frame;
        answer.times.dequeued_ns = Some(dequeued_ns);
        answer.times.applied_ns = Some(applied_ns);
        if !delay.is_none() {
            waiting.push(DueReply { due_ns: applied_ns.saturating_add(delay.next_ns()), answer });
        } else if !reply(shared, &answer) {
            return false;
        }
    }
    waiting.iter().all(|late| shared.wait_until(late.due_ns) && reply(shared, &late.answer))
}

/// Replies to whichever client is connected now, as Unity does: a new client gets the reply to its predecessor's
/// message.
fn reply(shared: &Shared, answer: &PendingReply) -> bool {
    match shared.client() {
        None => true,
        Some(client) => shared.reply(&client, |replied_ns, wire| {
            let mut times = answer.times;
            times.replied_ns = replied_ns;
            answer.reply_context.pack(&times, shared, wire)
        }),
    }
}
