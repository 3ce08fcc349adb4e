//! Injected delays, reproducible by seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::spec::BridgeSpec;
use crate::clock::nanos;

/// A fixed time plus a uniform random one.
#[derive(Debug)]
pub(super) struct Delay {
    fixed_ns: u64,
    jitter_ns: u64,
    random: StdRng,
}

impl Delay {
    /// Before replies of the socket thread.
    pub(super) fn received(spec: &BridgeSpec) -> Self {
        Self::new(nanos(spec.received_delay), nanos(spec.jitter), spec.seed)
    }

    /// Before replies of the main thread.
    pub(super) fn applied(spec: &BridgeSpec) -> Self {
        Self::new(nanos(spec.applied_delay), nanos(spec.jitter), spec.seed.wrapping_add(1))
    }

    /// Before frames.
    pub(super) fn frame(spec: &BridgeSpec) -> Self {
        Self::new(0, nanos(spec.frame_jitter), spec.seed.wrapping_add(2))
    }

    fn new(fixed_ns: u64, jitter_ns: u64, seed: u64) -> Self {
        Self { fixed_ns, jitter_ns, random: StdRng::seed_from_u64(seed) }
    }

    /// Whether it is always 0.
    pub(super) fn is_none(&self) -> bool {
        self.fixed_ns == 0 && self.jitter_ns == 0
    }

    /// The next delay, in nanoseconds.
    pub(super) fn next_ns(&mut self) -> u64 {
        match self.jitter_ns {
            0 => self.fixed_ns,
            jitter_ns => self.fixed_ns.saturating_add(self.random.random_range(0..=jitter_ns)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_in_range_and_repeats_with_the_seed() {
        let draw = |seed| {
            let mut delay = Delay::new(100, 50, seed);
            (0..1_000).map(|_| delay.next_ns()).collect::<Vec<_>>()
        };
        let drawn = draw(1);
        assert!(drawn.iter().all(|ns| (100..=150).contains(ns)));
        assert_eq!(drawn, draw(1));
        assert_ne!(drawn, draw(2));
        let mean = drawn.iter().sum::<u64>() as f64 / 1_000.0;
        // Standard error of the mean: (50/√12)/√1000 = 0.46.
        assert!((mean - 125.0).abs() < 2.5, "{mean}");
    }

    #[test]
    fn delay_without_jitter_is_exact() {
        let mut delay = Delay::new(7, 0, 0);
        assert_eq!((delay.next_ns(), delay.next_ns(), delay.is_none()), (7, 7, false));
        assert!(Delay::new(0, 0, 0).is_none());
    }
}
