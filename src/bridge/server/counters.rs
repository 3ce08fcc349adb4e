//! Counters of the bridge.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// A reading of the counters since the bridge started. A reply that has arrived is counted already, and so is what it tells of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Clients that were accepted.
    pub connections: u64,
    /// Lines that were read, blank ones left out.
    pub received: u64,
    /// Commands that the main thread carried out, those inside batches one by one.
    pub applied: u64,
    /// Commands that could not be carried out: unknown ones, those that lack an argument, and what is no message at all.
    pub rejected: u64,
    /// Messages that found the queue full, and were refused for it.
    pub overflowed: u64,
    /// Frames that the main thread has begun; without a frame rate, the times it woke for something.
    pub frames: u64,
    /// Frames in which the main thread found something in its queue.
    pub busy_frames: u64,
    /// Replies that were due to a connected client, sent or not.
    pub replies_due: u64,
    /// Lines that were sent, the greeting left out: a dropped reply is none, a doubled one two.
    pub replies_sent: u64,
    /// Well-formed lines without a known command.
    pub ignored: u64,
    /// Lines that are not JSON; a bridge that acts on some of those all the same does not count them.
    pub malformed: u64,
    /// The most messages that waited for the main thread at one time.
    pub longest_queue: u64,
}

/// The counters as the two threads keep them.
#[derive(Debug, Default)]
pub(super) struct Tally {
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

impl Tally {
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

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    /// Adds, and returns the sum.
    pub(super) fn add(&self, more: u64) -> u64 {
        self.0.fetch_add(more, Ordering::SeqCst) + more
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
