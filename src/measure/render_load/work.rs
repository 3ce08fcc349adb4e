//! A fixed amount of work per frame, and its calibration to a given time.

use std::hint::black_box;
use std::time::Duration;

use super::frame::Calibration;
use crate::clock::{Clock, nanos};

/// Words that the work touches, a power of two: 1 MiB, larger than the first-level cache of a core and smaller than its
/// last-level cache.
const WORDS: usize = 1 << 17;

/// Shortest timed block of work, in nanoseconds: long relative to the cost of reading the clock, short enough to fit
/// between two scheduler interruptions.
const BLOCK_NS: u64 = 2_000_000;

/// Number of timed blocks: together long enough for a core to reach its sustained frequency.
const BLOCKS: u32 = 60;

/// How long the calibrated amount is tested, and how often at most.
const TRIAL: (Duration, u64) = (Duration::from_millis(100), 8);

/// A thread's work: arithmetic, and scattered reads and writes in its own memory.
#[derive(Debug)]
pub(super) struct Work {
    words: Vec<u64>,
    state: u64,
}

impl Work {
    pub(super) fn new() -> Self {
        Self { words: vec![1; WORDS], state: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Runs `iterations` iterations.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn run(&mut self, iterations: u64) {
        let mut state = self.state;
        for _ in 0..iterations {
            // Marsaglia's 64-bit xorshift (2003), triple 13, 7, 17: each step depends on the previous one.
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
    /// Other programs can only slow a block down, so the fastest of many shows the core's own speed.
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

/// Iterations that take `ns` if `block` of them take `block_ns`; at least 1.
pub(super) fn iterations_for(ns: u64, block: u64, block_ns: u64) -> u64 {
    let iterations = u128::from(ns) * u128::from(block) / u128::from(block_ns.max(1));
    u64::try_from(iterations).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_proportional() {
        assert_eq!(iterations_for(8_000_000, 1_000, 2_000_000), 4_000);
        assert_eq!(iterations_for(5_000_000, 4_000, 8_000_000), 2_500);
        assert_eq!(iterations_for(1, 1_000, 2_000_000), 1);
        assert_eq!(iterations_for(u64::MAX, u64::MAX, 0), u64::MAX);
    }

    #[test]
    fn calibrated_work_takes_the_requested_time() {
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
