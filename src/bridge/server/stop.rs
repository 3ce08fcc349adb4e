//! Interruptible waits: every pause of the bridge ends when the bridge is stopped.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// Waits up to this length are not interrupted, so that their end stays exact.
const UNINTERRUPTED_NS: u64 = 20_000_000;

/// Final part of a long wait that is timed exactly; condition variables wake late by less than this.
const EXACT_NS: u64 = 5_000_000;

/// Locks even if a thread panicked while holding the lock: the guarded data is valid after every single step.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stop flag.
#[derive(Debug, Default)]
pub(super) struct Stop {
    stopped: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Stops the bridge and ends every wait.
    pub(super) fn set(&self) {
        *lock(&self.stopped) = true;
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *lock(&self.stopped)
    }

    /// Waits until about `at_ns` without spinning; may wake late by the inaccuracy of system timers. Returns false if
    /// the bridge was stopped.
    pub(super) fn rest_until(&self, clock: &Clock, at_ns: u64) -> bool {
        let left_ns = at_ns.saturating_sub(clock.now_ns());
        if left_ns > UNINTERRUPTED_NS {
            return self.wait_until(clock, at_ns);
        }
        clock.rest_until(at_ns);
        !self.is_set()
    }

    /// Waits until `clock` reads `at_ns` (`u64::MAX`: forever). Returns false if the bridge was stopped.
    pub(super) fn wait_until(&self, clock: &Clock, at_ns: u64) -> bool {
        loop {
            let left_ns = at_ns.saturating_sub(clock.now_ns());
            if left_ns <= UNINTERRUPTED_NS {
                clock.sleep_until(at_ns);
                return !self.is_set();
            }
            let stopped = lock(&self.stopped);
            if *stopped {
                return false;
            }
            let coarse = Duration::from_nanos(left_ns - EXACT_NS);
            drop(self.changed.wait_timeout(stopped, coarse).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn waits_are_never_too_short() {
        let (clock, stop) = (Clock::start(), Stop::default());
        for wait_ns in [0, 1_000_000, UNINTERRUPTED_NS + 10_000_000] {
            let at_ns = clock.now_ns() + wait_ns;
            assert!(stop.wait_until(&clock, at_ns));
            assert!(clock.now_ns() >= at_ns);
        }
    }

    #[test]
    fn stop_ends_an_endless_wait() {
        let stop = Arc::new(Stop::default());
        let waiter = thread::spawn({
            let stop = Arc::clone(&stop);
            move || stop.wait_until(&Clock::start(), u64::MAX)
        });
        stop.set();
        assert!(!waiter.join().unwrap());
    }
}
