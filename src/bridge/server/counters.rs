//! Counters of the bridge.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Snapshot of the counters since the start. A reply that has arrived is already counted, and so are the commands it
/// confirms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Accepted clients.
    pub connections: u64,
    /// Lines read, without blank ones.
    pub received: u64,
    /// Commands applied by the main thread, including each command of a batch.
    pub applied: u64,
    /// Commands that could not be applied: unknown, missing an argument, or not a message.
    pub rejected: u64,
    /// Messages refused because the queue was full.
    pub overflowed: u64,
    /// Frames begun by the main thread; without a frame rate, the number of wake-ups.
    pub frames: u64,
    /// Frames in which the queue was not empty.
    pub busy_frames: u64,
    /// Replies due to a connected client, sent or not.
    pub replies_due: u64,
    /// Lines sent, without the greeting: a dropped reply counts 0, a duplicated one 2.
    pub replies_sent: u64,
    /// Well-formed lines without a known command.
    pub ignored: u64,
    /// Lines that are not JSON; a bridge that acts on some of them does not count those.
    pub malformed: u64,
    /// Longest queue of the main thread, in messages.
    pub longest_queue: u64,
}

/// The counters, updated by both threads.
#[derive(Debug, Default)]
pub(super) struct AtomicCounters {
    pub(super) connections: Counter,
    pub(super) received: Counter,
    pub(super) applied: Counter,
    pub(super) rejected: Counter,
    pub(super) overflowed: Counter,
    pub(super) frames: Counter,
    pub(super) busy_frames: Counter,
    pub(super) replies_due: Counter,
    pub(super) replies_sent: Counter,
    pub(super) ignored: Counter,
    pub(super) malformed: Counter,
}

impl AtomicCounters {
    pub(super) fn read(&self, longest_queue: u64) -> Counters {
        Counters {
            connections: self.connections.read(),
            received: self.received.read(),
            applied: self.applied.read(),
            rejected: self.rejected.read(),
            overflowed: self.overflowed.read(),
            frames: self.frames.read(),
            busy_frames: self.busy_frames.read(),
            replies_due: self.replies_due.read(),
            replies_sent: self.replies_sent.read(),
            ignored: self.ignored.read(),
            malformed: self.malformed.read(),
            longest_queue,
        }
    }
}

/// A monotonic counter.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Adds and returns the sum.
    pub(super) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::SeqCst) + more
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
