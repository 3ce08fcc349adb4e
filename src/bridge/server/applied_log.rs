//! The embedded bridge's log of applied commands, for measuring commands whose replies do not confirm that they were
//! applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::stop::lock;

/// Polling interval. The main thread records the exact time, so polling costs no accuracy.
const POLLING_INTERVAL: Duration = Duration::from_micros(500);

/// Times of one command in the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppliedTimes {
    /// When it was read.
    pub received: Instant,
    /// When it was applied.
    pub applied: Instant,
}

/// The embedded bridge's log of the commands that its main thread applied.
#[derive(Debug, Clone)]
pub struct AppliedLog {
    shared: Arc<Shared>,
}

impl AppliedLog {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Commands applied so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.counters().applied
    }

    /// The times of the latest applied command, as soon as more than `count` have been applied. `None` at the deadline
    /// or if `stop` is set.
    #[must_use]
    pub fn next_after(&self, count: u64, deadline: Instant, stop: &AtomicBool) -> Option<AppliedTimes> {
        while self.count() <= count {
            if Instant::now() >= deadline || stop.load(Ordering::Relaxed) {
                return None;
            }
            std::thread::sleep(POLLING_INTERVAL);
        }
        *lock(&self.shared.last_applied)
    }
}
