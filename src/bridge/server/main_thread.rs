//! The main thread: runs frames, applies queued commands, and sends *applied* replies.

use std::time::Instant;

use super::account::Applied;
use super::delay::Delay;
use super::frames::Frames;
use super::message::{Answer, Frame, Queued};
use super::shared::Shared;
use super::status::Status;
use super::stop::hold;
use crate::clock::nanos;

/// Runs frames until the bridge is stopped.
pub(super) fn run(shared: &Shared) {
    let last_ordinal = shared.spec.pause_main_after.unwrap_or(u64::MAX);
    let mut frames = Frames::new(&shared.spec, shared.clock.now_ns());
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
        let this = Frame { number: shared.tally.frames.add(1), begin_ns: shared.clock.now_ns() };
        status.frame(shared);
        shared.queue.drain(last_ordinal, &mut drained);
        if !drained.is_empty() {
            shared.tally.busy_frames.add(1);
            let held = shared.spec.queue_delay;
            let on_time = held.is_zero() || shared.wait_until(this.begin_ns.saturating_add(nanos(held)));
            if !on_time || !frame(shared, &mut drained, &mut delay, start_ns.map(|_| this)) {
                return;
            }
        }
    }
}

/// A reply that is due within the frame.
struct Waiting {
    due_ns: u64,
    answer: Answer,
}

/// Applies and answers the drained messages. Returns false if the bridge was stopped.
fn frame(shared: &Shared, drained: &mut Vec<Queued>, delay: &mut Delay, frame: Option<Frame>) -> bool {
    let dequeued_ns = shared.clock.now_ns();
    let mut waiting = Vec::new();
    for Queued { received_ns, actions, answer, .. } in drained.drain(..) {
        for action in &actions {
            let work = shared.spec.apply_delay;
            if !work.is_zero() && !shared.wait_until(shared.clock.now_ns().saturating_add(nanos(work))) {
                return false;
            }
            hold(&shared.avatar).apply(action);
        }
        if !actions.is_empty() {
            // Recorded before it is counted, so that a caller waiting for the count finds the time.
            let received = shared.clock.instant(received_ns);
            *hold(&shared.last_applied) = Some(Applied { received, applied: Instant::now() });
        }
        shared.tally.applied.add(actions.len() as u64);
        let Some(mut answer) = answer else { continue };
        let applied_ns = shared.clock.now_ns();
        answer.moments.frame = frame;
        answer.moments.dequeued_ns = Some(dequeued_ns);
        answer.moments.applied_ns = Some(applied_ns);
        if !delay.is_none() {
            waiting.push(Waiting { due_ns: applied_ns.saturating_add(delay.next_ns()), answer });
        } else if !reply(shared, &answer) {
            return false;
        }
    }
    waiting.iter().all(|late| shared.wait_until(late.due_ns) && reply(shared, &late.answer))
}

/// Replies to whichever client is connected now, as Unity does: a new client gets the reply to its predecessor's
/// message.
fn reply(shared: &Shared, answer: &Answer) -> bool {
    match shared.client() {
        None => true,
        Some(client) => shared.reply(&client, |replied_ns, wire| {
            let mut moments = answer.moments;
            moments.replied_ns = replied_ns;
            answer.ticket.pack(&moments, shared, wire)
        }),
    }
}
