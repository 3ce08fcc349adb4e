//! Samples of a series of unknown length, in bounded memory.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// Keeps all values of a short series, and a random sample of a longer one: each value is kept with the same
/// probability (Vitter 1985, "Random sampling with a reservoir", algorithm R).
#[derive(Debug)]
pub struct Reservoir {
    values: Vec<u64>,
    most: usize,
    seen: u64,
    sum: u64,
    random: StdRng,
}

impl Default for Reservoir {
    /// Keeps up to a million values.
    fn default() -> Self {
        Self::of_at_most(1_000_000)
    }
}

impl Reservoir {
    /// Keeps at most `most` values.
    #[must_use]
    pub fn of_at_most(most: usize) -> Self {
        Self { values: Vec::new(), most, seen: 0, sum: 0, random: StdRng::seed_from_u64(0) }
    }

    /// Adds a value.
    pub fn push(&mut self, value: u64) {
        self.seen += 1;
        self.sum = self.sum.saturating_add(value);
        if self.values.len() < self.most {
            self.values.push(value);
            return;
        }
        let place = usize::try_from(self.random.random_range(0..self.seen)).unwrap_or(usize::MAX);
        if let Some(kept) = self.values.get_mut(place) {
            *kept = value;
        }
    }

    /// The kept values. In order of arrival as long as all were kept.
    #[must_use]
    pub fn values(&self) -> &[u64] {
        &self.values
    }

    /// Number of values added.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The sum of all values, kept or not.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_series_is_kept_completely_and_in_order() {
        let mut reservoir = Reservoir::of_at_most(5);
        for value in [3, 1, 2] {
            reservoir.push(value);
        }
        assert_eq!((reservoir.values(), reservoir.seen(), reservoir.sum()), ([3, 1, 2].as_slice(), 3, 6));
    }

    #[test]
    fn long_series_is_sampled_uniformly() {
        let mut reservoir = Reservoir::of_at_most(10_000);
        (0..1_000_000).for_each(|value| reservoir.push(value));
        let kept = reservoir.values();
        assert_eq!((kept.len(), reservoir.seen(), reservoir.sum()), (10_000, 1_000_000, 499_999_500_000));
        // Uniform on 0 to 1,000,000: mean 500,000, with a standard error of 2,887 from 10,000 values.
        let mean = kept.iter().sum::<u64>() as f64 / 10_000.0;
        assert!((mean - 500_000.0).abs() < 4.0 * 2_887.0, "{mean}");
        let early = kept.iter().filter(|value| **value < 100_000).count();
        assert!((800..1_200).contains(&early), "{early}");
    }
}
