//! The one clock: monotonic, in nanoseconds since its start.
//!
//! Every measured duration, every deadline and every server timestamp is based on it, so that figures of one process
//! can be subtracted from each other. The calendar is only read to record when a run took place.

use std::time::{Duration, Instant};

use spin_sleep::{SpinSleeper, SpinStrategy};

/// Time before a deadline at which sleeping changes to spinning, in nanoseconds.
///
/// On an idle machine, the operating system wakes a sleeper at most this late. A larger value costs more CPU time per
/// deadline, a smaller one causes late sends. Windows timers, including high-resolution ones, are up to 0.7 to 1 ms
/// late.
const SPIN_NS: u32 = if cfg!(windows) { 1_000_000 } else { 250_000 };

/// A monotonic clock with its own origin.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that reads 0 now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Nanoseconds since the origin. Wraps after 584 years.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)]
    pub fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// The instant at which this clock reads `at_ns`.
    #[must_use]
    pub fn instant(&self, at_ns: u64) -> Instant {
        self.origin + Duration::from_nanos(at_ns)
    }

    /// The clock's reading at that instant; 0 before its origin.
    #[must_use]
    pub fn reading(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.origin))
    }

    /// Waits until the clock reads `at_ns`: sleeps coarsely, then spins. Returns at once if that time has passed.
    pub fn sleep_until(&self, at_ns: u64) {
        SpinSleeper::new(SPIN_NS).with_spin_strategy(SpinStrategy::SpinLoopHint).sleep_until(self.instant(at_ns));
    }

    /// Sleeps until the clock reads `at_ns`, without spinning; may wake late by the inaccuracy of system timers.
    /// Returns at once if that time has passed.
    pub fn rest_until(&self, at_ns: u64) {
        let left_ns = at_ns.saturating_sub(self.now_ns());
        if left_ns > 0 {
            spin_sleep::native_sleep(Duration::from_nanos(left_ns));
        }
    }
}

/// Nanoseconds in a duration, saturating at `u64::MAX` (584 years).
#[must_use]
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds as milliseconds.
#[must_use]
pub fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_never_ends_before_the_deadline() {
        let clock = Clock::start();
        for wait_ns in [0, 1_000, 300_000, 2_000_000] {
            let deadline = clock.now_ns() + wait_ns;
            clock.sleep_until(deadline);
            assert!(clock.now_ns() >= deadline, "woke {} ns early", deadline - clock.now_ns());
            let deadline = clock.now_ns() + wait_ns;
            clock.rest_until(deadline);
            assert!(clock.now_ns() >= deadline, "woke {} ns early", deadline - clock.now_ns());
        }
    }

    #[test]
    fn past_deadline_returns_at_once() {
        let clock = Clock::start();
        clock.sleep_until(0);
        assert!(clock.instant(5) > clock.instant(4));
    }
}
