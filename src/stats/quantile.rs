//! Percentiles of sorted samples: when they may be stated, their value, and their interval.

use statrs::distribution::{Binomial, DiscreteCDF};

/// Half of what a 95 % interval excludes.
const TAIL: f64 = 0.025;

/// How many samples must lie beyond a percentile before it is stated.
const SAMPLES_BEYOND: f64 = 10.0;

/// Larger than the rounding error of `1 - p` and `p * n`, smaller than the step between two ranks below 10^9 samples.
const ROUNDING: f64 = 1e-9;

/// Samples that a percentile `p` (0 to 1) requires: 10 / (1 - p), so that ten of them lie beyond it.
///
/// 20 for p50, 100 for p90, 1,000 for p99, 10,000 for p99.9. For `p` = 1 no number of samples is enough.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn samples_needed(p: f64) -> usize {
    // Float-to-integer casts saturate: infinity, at p = 1, becomes usize::MAX.
    (SAMPLES_BEYOND / (1.0 - p) * (1.0 - ROUNDING)).ceil() as usize
}

/// The smallest sample for which at least the share `p` (0 to 1) of all samples are less than or equal to it.
///
/// This is the nearest-rank percentile, with rank ⌈p·n⌉ and at least 1: the definition of `HdrHistogram`. Values are
/// never interpolated between samples.
///
/// # Panics
///
/// If `sorted` is empty.
#[must_use]
pub fn nearest_rank(sorted: &[u64], p: f64) -> u64 {
    debug_assert!(sorted.is_sorted(), "samples must be sorted");
    assert!(!sorted.is_empty(), "no samples, no percentile");
    sorted[rank(sorted.len(), p) - 1]
}

/// The median of unsorted samples, by the nearest rank; `None` for no samples.
#[must_use]
pub fn median(samples: &[u64]) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    (!sorted.is_empty()).then(|| nearest_rank(&sorted, 0.5))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn rank(n: usize, p: f64) -> usize {
    let exact = p * n as f64;
    // A product such as 0.07 × 100 = 7.000000000000001 must not be pushed to the next rank.
    let nearest = exact.round();
    let rank = if (exact - nearest).abs() <= ROUNDING { nearest } else { exact.ceil() };
    (rank as usize).clamp(1, n)
}

/// The distribution-free 95 % confidence interval of a percentile `p` (0 to 1, exclusive): two of the samples.
///
/// With B ~ Binomial(n, p), the interval from the l-th to the u-th smallest sample covers the percentile with
/// probability P(l ≤ B < u) or more; l is the largest and u the smallest rank that leave at most 2.5 % on either side
/// (David and Nagaraja, *Order Statistics*, 3rd edition, section 7.1). It assumes independent samples, but no
/// distribution. `None` if the samples are too few for 95 %: fewer than 6 for the median, 368 for p99.
#[must_use]
pub fn percentile_interval(sorted: &[u64], p: f64) -> Option<(u64, u64)> {
    debug_assert!(sorted.is_sorted(), "samples must be sorted");
    let (low, high) = interval_ranks(sorted.len(), p)?;
    Some((sorted[low - 1], sorted[high - 1]))
}

/// The ranks, from 1, of the samples at the ends of the 95 % interval.
fn interval_ranks(n: usize, p: f64) -> Option<(usize, usize)> {
    if !(p > 0.0 && p < 1.0) {
        return None;
    }
    let below = Binomial::new(p, n as u64).ok()?;
    // P(B < low) ≤ TAIL for the largest such rank: the first count whose cumulative probability exceeds TAIL.
    let low = smallest(n, |count| below.cdf(count) > TAIL);
    // P(B ≥ high) ≤ TAIL for the smallest such rank, which is one above a count.
    let high = smallest(n, |count| below.sf(count) <= TAIL) + 1;
    (low >= 1 && high <= n).then_some((low, high))
}

/// The smallest of 0..=n for which `holds`, given that it holds for all above it; n if it holds for none below.
fn smallest(n: usize, holds: impl Fn(u64) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle as u64) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    #[test]
    fn percentile_needs_ten_samples_beyond_it() {
        let needs = [0.0, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999].map(samples_needed);
        assert_eq!(needs, [10, 20, 40, 100, 200, 1_000, 10_000, 100_000]);
        assert_eq!(samples_needed(1.0), usize::MAX);
    }

    #[test]
    fn nearest_rank_matches_hand_calculation() {
        // Five values: rank ⌈p·5⌉, as in the usual worked example of this definition.
        let five = [15, 20, 35, 40, 50];
        let at = [0.0, 0.05, 0.30, 0.40, 0.50, 1.0].map(|p| nearest_rank(&five, p));
        assert_eq!(at, [15, 15, 20, 20, 35, 50]);
        assert_eq!(nearest_rank(&[7], 0.999), 7);
    }

    #[test]
    fn rounding_error_does_not_shift_the_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        for percent in 1..=100_u64 {
            assert_eq!(nearest_rank(&hundred, percent as f64 / 100.0), percent);
        }
    }

    #[test]
    #[should_panic(expected = "no samples")]
    fn empty_samples_have_no_percentile() {
        let _ = nearest_rank(&[], 0.5);
    }

    #[test]
    fn median_interval_ranks_match_hand_calculation() {
        // Sums of binomial coefficients over 2^n: P(B ≤ c) is at most 2.5 % for c, and more for c + 1, with (n, c) =
        // (6, 0): 1.56 and 10.9 %; (10, 1): 1.07 and 5.47 %; (20, 5): 2.07 and 5.77 %; (100, 39): 1.76 and 2.84 %.
        // The ranks are c + 1 and n - c.
        for (n, ranks) in [(6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (100, (40, 61))] {
            assert_eq!(interval_ranks(n, 0.5), Some(ranks), "n = {n}");
        }
    }

    #[test]
    fn percentile_interval_needs_enough_samples() {
        // Excluded on both sides: 2 × 0.5^5 = 6.25 % with five samples; on one side: 0.9^35 = 2.503 % and 0.99^367 =
        // 2.501 %.
        for (p, enough) in [(0.5, 6), (0.9, 36), (0.99, 368)] {
            assert_eq!(interval_ranks(enough - 1, p), None, "p {p}");
            assert!(interval_ranks(enough, p).is_some(), "p {p}");
        }
        assert_eq!(percentile_interval(&[], 0.5), None);
        assert_eq!(percentile_interval(&[1, 2, 3, 4, 5, 6, 7], 1.0), None);
    }

    #[test]
    fn percentile_interval_has_95_percent_coverage() {
        let mut random = StdRng::seed_from_u64(20_260_101);
        for (percent, n) in [(50, 20), (50, 101), (90, 100), (99, 1_000)] {
            let (experiments, range) = (4_000, 1_000_000_000_u64);
            let (p, truth) = (percent as f64 / 100.0, range / 100 * percent);
            let covered = (0..experiments)
                .filter(|_| {
                    let mut samples: Vec<u64> = (0..n).map(|_| random.random_range(0..range)).collect();
                    samples.sort_unstable();
                    percentile_interval(&samples, p).is_some_and(|(low, high)| low <= truth && truth <= high)
                })
                .count();
            let coverage = covered as f64 / f64::from(experiments);
            // At least 95 % except for chance (0.35 % standard error); above that because ranks are integers.
            assert!((0.94..=0.985).contains(&coverage), "p {p}, n {n}: covered {coverage}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(2), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn nearest_rank_is_the_smallest_sufficient_sample(
            mut samples in prop::collection::vec(0_u64..50, 1..200), thousandths in 0_u64..=1000
        ) {
            samples.sort_unstable();
            let value = nearest_rank(&samples, thousandths as f64 / 1000.0);
            let at_or_below = |limit: u64| samples.iter().filter(|&&s| s <= limit).count() as u64 * 1000;
            let wanted = thousandths * samples.len() as u64;
            prop_assert!(at_or_below(value) >= wanted);
            prop_assert!(samples.iter().all(|&s| s >= value || at_or_below(s) < wanted.max(1)));
        }

        #[test]
        fn percentiles_increase_with_p_and_lie_in_their_interval(
            mut samples in prop::collection::vec(any::<u64>(), 1..500), a in 0.001_f64..0.999, b in 0.001_f64..0.999
        ) {
            samples.sort_unstable();
            prop_assert!(nearest_rank(&samples, a.min(b)) <= nearest_rank(&samples, a.max(b)));
            if let Some((low, high)) = percentile_interval(&samples, a) {
                let value = nearest_rank(&samples, a);
                prop_assert!(low <= value && value <= high);
            }
        }
    }
}
