//! The queue from the socket thread to the main thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use super::message::Queued;
use super::stop::hold;

/// Messages in the order in which they were received.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Queued>,
    longest: usize,
    /// Whether the main thread waits in [`Queue::wait`]; it never does when it has frames.
    sleeping: bool,
    closed: bool,
}

impl State {
    fn ready(&self, last_ordinal: u64) -> bool {
        self.messages.front().is_some_and(|message| message.ordinal <= last_ordinal)
    }
}

impl Queue {
    /// Appends. True when the main thread has to be told by [`Queue::wake`], which may be done after the reply so that the
    /// reply does not wait for it.
    pub(super) fn push(&self, message: Queued) -> bool {
        let mut state = hold(&self.state);
        state.messages.push_back(message);
        state.longest = state.longest.max(state.messages.len());
        state.sleeping
    }

    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Waits until there is a message up to `last_ordinal`. False when the queue was closed.
    pub(super) fn wait(&self, last_ordinal: u64) -> bool {
        let mut state = hold(&self.state);
        while !state.closed && !state.ready(last_ordinal) {
            state.sleeping = true;
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.sleeping = false;
        !state.closed
    }

    /// Moves every message up to `last_ordinal` to the end of `into`.
    pub(super) fn drain(&self, last_ordinal: u64, into: &mut Vec<Queued>) {
        let mut state = hold(&self.state);
        while state.ready(last_ordinal) {
            into.extend(state.messages.pop_front());
        }
    }

    /// Ends every wait.
    pub(super) fn close(&self) {
        hold(&self.state).closed = true;
        self.filled.notify_all();
    }

    pub(super) fn longest(&self) -> u64 {
        hold(&self.state).longest as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ordinal: u64) -> Queued {
        Queued { ordinal, actions: Vec::new(), answer: None }
    }

    #[test]
    fn a_drain_stops_at_the_last_ordinal() {
        let queue = Queue::default();
        for ordinal in 1..=5 {
            assert!(!queue.push(message(ordinal)), "nobody sleeps");
        }
        let mut drained = Vec::new();
        queue.drain(3, &mut drained);
        queue.drain(3, &mut drained);
        assert_eq!(drained.iter().map(|message| message.ordinal).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(queue.longest(), 5);
        assert!(queue.wait(u64::MAX));
    }

    #[test]
    fn a_closed_queue_ends_the_wait() {
        let queue = Queue::default();
        queue.push(message(9));
        queue.close();
        assert!(!queue.wait(8));
    }
}
