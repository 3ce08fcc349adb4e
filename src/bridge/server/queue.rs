//! The queue from the socket thread to the main thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use super::message::QueuedMessage;
use super::stop::lock;

/// Messages in order of arrival, up to a bound.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: u64,
    state: Mutex<State>,
    filled: Condvar,
}

/// State of the queue when a message was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct QueuePosition {
    /// Messages already queued.
    pub(super) depth: u64,
    /// Whether the main thread must be woken with [`Queue::wake`].
    pub(super) sleeping: bool,
}

/// The queue was full, and the message was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow {
    /// Messages queued.
    pub(super) depth: u64,
    /// Capacity in messages.
    pub(super) capacity: u64,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<QueuedMessage>,
    longest: usize,
    /// Whether the main thread waits in [`Queue::wait`]; never the case if it has frames.
    sleeping: bool,
    closed: bool,
}

impl State {
    fn ready(&self, last_ordinal: u64) -> bool {
        self.messages.front().is_some_and(|message| message.ordinal <= last_ordinal)
    }
}

impl Queue {
    /// An empty queue with this capacity.
    pub(super) fn new(capacity: u64) -> Self {
        Self { capacity, state: Mutex::default(), filled: Condvar::new() }
    }

    /// Appends the message that `make` builds from the state of the queue. The main thread may be woken after the
    /// reply, so that the reply does not wait for it.
    pub(super) fn push(&self, make: impl FnOnce(QueuePosition) -> QueuedMessage) -> Result<QueuePosition, Overflow> {
        let mut state = lock(&self.state);
        let depth = state.messages.len() as u64;
        if depth >= self.capacity {
            return Err(Overflow { depth, capacity: self.capacity });
        }
        let met = QueuePosition { depth, sleeping: state.sleeping };
        state.messages.push_back(make(met));
        state.longest = state.longest.max(state.messages.len());
        Ok(met)
    }

    /// Messages queued, the maximum so far, and the capacity.
    pub(super) fn lengths(&self) -> (u64, u64, u64) {
        let state = lock(&self.state);
        (state.messages.len() as u64, state.longest as u64, self.capacity)
    }

    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Waits until there is a message up to `last_ordinal`. Returns false if the queue was closed.
    pub(super) fn wait(&self, last_ordinal: u64) -> bool {
        let mut state = lock(&self.state);
        while !state.closed && !state.ready(last_ordinal) {
            state.sleeping = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sleeping = false;
        !state.closed
    }

    /// Moves every message up to `last_ordinal` to the end of `into`.
    pub(super) fn drain(&self, last_ordinal: u64, into: &mut Vec<QueuedMessage>) {
        let mut state = lock(&self.state);
        while state.ready(last_ordinal) {
            into.extend(state.messages.pop_front());
        }
    }

    /// Ends every wait.
    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.filled.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ordinal: u64) -> QueuedMessage {
        QueuedMessage { ordinal, received_ns: 0, actions: Vec::new(), answer: None }
    }

    #[test]
    fn drain_stops_at_the_last_ordinal() {
        let queue = Queue::new(u64::MAX);
        for ordinal in 1..=5 {
            let met = queue.push(|_| message(ordinal));
            assert_eq!(met, Ok(QueuePosition { depth: ordinal - 1, sleeping: false }), "nobody sleeps");
        }
        let mut drained = Vec::new();
        queue.drain(3, &mut drained);
        queue.drain(3, &mut drained);
        assert_eq!(drained.iter().map(|message| message.ordinal).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(queue.lengths(), (2, 5, u64::MAX));
        assert!(queue.wait(u64::MAX));
    }

    #[test]
    fn full_queue_refuses_messages_until_drained() {
        let queue = Queue::new(2);
        let take = |ordinal| queue.push(|_| message(ordinal)).map(|met| met.depth);
        assert_eq!([take(1), take(2)], [Ok(0), Ok(1)]);
        assert_eq!(take(3), Err(Overflow { depth: 2, capacity: 2 }));
        queue.drain(u64::MAX, &mut Vec::new());
        assert_eq!((take(4), queue.lengths()), (Ok(0), (1, 2, 2)));
    }

    #[test]
    fn closing_the_queue_ends_the_wait() {
        let queue = Queue::new(u64::MAX);
        assert!(queue.push(|_| message(9)).is_ok());
        queue.close();
        assert!(!queue.wait(8));
    }
}
