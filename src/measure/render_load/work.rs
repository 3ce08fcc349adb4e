//! Work of a fixed amount: what a thread does each frame, and how much of it fills a given time.

use std::hint::black_box;
use std::time::Duration;

use super::frame::Calibration;
use crate::clock::{Clock, nanos};

/// Words that the work walks over, a power of two: 1 MiB, more than the first cache of a core holds and less than its last.
const WORDS: usize = 1 << 17;

/// The shortest block of work that is timed, in nanoseconds: long against the clock's own cost, short enough to fit between
/// two interruptions by the scheduler.
const BLOCK_NS: u64 = 2_000_000;

/// Blocks that are timed. Together they are long enough for a core to reach the frequency that it then keeps.
const BLOCKS: u32 = 60;

/// How long the finished amount is tried, at most so many times.
const TRIAL: (Duration, u64) = (Duration::from_millis(100), 8);

/// A thread's work: arithmetic, and scattered reads and writes in memory of its own.
#[derive(Debug)]
pub(super) struct Work {
    words: Vec<u64>,
    state: u64,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { words: vec![1; WORDS], state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Does that many iterations.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn run(&mut self, iterations: u64) {
        let mut state = self.state;
        for _ in 0..iterations {
            // Marsaglia's xorshift with 64 bits (2003), triple 13, 7, 17: each step waits for the last.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let word = &mut self.words[state as usize % WORDS];
            *word = word.wrapping_mul(state | 1);
        }
        self.state = state;
        black_box(&self.words);
    }

    /// Finds how many iterations fill `main` on an undisturbed core.
    ///
    /// Other programs can only make a block slower, so the fastest of many tells the core's own speed.
    pub(super) fn calibrate(&mut self, clock: &Clock, main: Duration) -> Calibration {
        let mut block = 1_000;
        while self.time(clock, block) < BLOCK_NS {
            block *= 2;
        }
        let block_ns = (0..BLOCKS).map(|_| self.time(clock, block)).min().unwrap_or(BLOCK_NS);
        let iterations = iterations_for(nanos(main), block, block_ns);
        let (trial, most) = TRIAL;
        let trials = (nanos(trial) / nanos(main).max(1)).clamp(1, most);
        let ns = (0..trials).map(|_| self.time(clock, iterations)).min().unwrap_or_default();
        Calibration { iterations, ns }
    }

    fn time(&mut self, clock: &Clock, iterations: u64) -> u64 {
        let began_ns = clock.now_ns();
        self.run(iterations);
        clock.now_ns() - began_ns
    }
}

/// Iterations that take `ns`, where `block` of them take `block_ns`; at least 1.
pub(super) fn iterations_for(ns: u64, block: u64, block_ns: u64) -> u64 {
    let iterations = u128::from(ns) * u128::from(block) / u128::from(block_ns.max(1));
    u64::try_from(iterations).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_go_by_proportion() {
        assert_eq!(iterations_for(8_000_000, 1_000, 2_000_000), 4_000);
        assert_eq!(iterations_for(5_000_000, 4_000, 8_000_000), 2_500);
        assert_eq!(iterations_for(1, 1_000, 2_000_000), 1);
        assert_eq!(iterations_for(u64::MAX, u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn calibrated_work_is_real_work() {
        let clock = Clock::start();
        let mut work = Work::new();
        let calibration = work.calibrate(&clock, Duration::from_millis(1));
        assert!(calibration.iterations > 100, "{calibration:?}");
        assert!(calibration.ns > 0, "{calibration:?}");
        let before = work.words.clone();
        work.run(calibration.iterations);
        assert_ne!(before, work.words);
    }
}
