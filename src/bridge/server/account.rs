//! What the embedded bridge did, and when: for measuring commands whose replies do not confirm that they were applied.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::stop::hold;

/// Time between two looks. The moment itself was noted by the main thread, so that looking late costs no accuracy.
const LOOK: Duration = Duration::from_micros(500);

/// When a command passed the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// It had been read.
    pub received: Instant,
    /// It had been applied.
    pub applied: Instant,
}

/// The embedded bridge's log of the commands that its main thread applied.
#[derive(Debug, Clone)]
pub struct AppliedAccount {
    shared: Arc<Shared>,
}

impl AppliedAccount {
    pub(super) fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared) }
    }

    /// Commands applied so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.shared.counters().applied
    }

    /// When the last command so far had come and was carried out, as soon as there are more than `count` of them. `None` when that has not
    /// happened by the deadline, or `stop` was set.
    #[must_use]
    pub fn next_after(&self, count: u64, deadline: Instant, stop: &AtomicBool) -> Option<Applied> {
        while self.count() <= count {
            if Instant::now() >= deadline || stop.load(Ordering::Relaxed) {
                return None;
            }
            std::thread::sleep(LOOK);
        }
        *hold(&self.shared.last_applied)
    }
}
