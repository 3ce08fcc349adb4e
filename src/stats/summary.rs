//! A summary of samples; figures are omitted if there are too few samples.

use super::mean::mean_interval;
use super::quantile::{nearest_rank, percentile_interval, samples_needed};

/// The percentiles of a summary, as shares of all samples.
pub const PERCENTILES: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Fewest samples for an interquartile range: one in each quarter.
const QUARTERS: usize = 4;

/// One percentile of a summary.
#[derive(Debug, Clone, PartialEq)]
pub struct Percentile {
    /// Share of the samples at or below it, 0 to 1.
    pub p: f64,
    /// Its value in nanoseconds; `None` if there are fewer samples than it needs.
    pub value_ns: Option<u64>,
    /// Samples that it needs.
    pub needs: usize,
    /// Its distribution-free 95 % confidence interval in nanoseconds, if it has a value.
    pub interval_ns: Option<(u64, u64)>,
}

impl Percentile {
    fn of(sorted_ns: &[u64], p: f64) -> Self {
        let needs = samples_needed(p);
        if sorted_ns.len() < needs {
            return Self { p, value_ns: None, needs, interval_ns: None };
        }
        Self { p, value_ns: Some(nearest_rank(sorted_ns, p)), needs, interval_ns: percentile_interval(sorted_ns, p) }
    }

    /// Its metric name: `p50`, `p99.9`.
    #[must_use]
    pub fn name(&self) -> String {
        // Rounded to a thousandth of a percent: 0.999 × 100 is 99.90000000000001 for some values of p.
        format!("p{}", (self.p * 1e5).round() / 1e3)
    }
}

/// The summary of a set of samples. Figures with too few samples are absent, never 0 or NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Number of samples.
    pub n: usize,
    /// Arithmetic mean, in nanoseconds, for one or more samples.
    pub mean_ns: Option<f64>,
    /// Sample standard deviation (n - 1), in nanoseconds, for two or more samples.
    pub stddev_ns: Option<f64>,
    /// Student's t 95 % confidence interval of the mean, in nanoseconds, for two or more samples. Assumes independent
    /// samples. Omitted if it would extend below the smallest sample: then the samples are too skewed and too few.
    pub mean_ci_ns: Option<(f64, f64)>,
    /// Smallest sample, in nanoseconds.
    pub min_ns: Option<u64>,
    /// Largest sample, in nanoseconds.
    pub max_ns: Option<u64>,
    /// Interquartile range (nearest rank), in nanoseconds, for four or more samples.
    pub iqr_ns: Option<u64>,
    /// The percentiles of [`PERCENTILES`], in that order.
    pub percentiles: Vec<Percentile>,
}

impl Summary {
    /// The summary of `samples_ns`, in nanoseconds and in any order.
    #[must_use]
    pub fn of(samples_ns: &[u64]) -> Self {
        let mut sorted_ns = samples_ns.to_vec();
        sorted_ns.sort_unstable();
        let n = sorted_ns.len();
        let mean_ns = mean(&sorted_ns);
        let stddev_ns = mean_ns.and_then(|mean_ns| stddev(&sorted_ns, mean_ns));
        Self {
            n,
            mean_ns,
            stddev_ns,
            mean_ci_ns: mean_ns
                .zip(stddev_ns)
                .and_then(|(mean, stddev)| mean_interval(n, mean, stddev))
                .filter(|(low_ns, _)| sorted_ns.first().is_some_and(|&min_ns| *low_ns >= min_ns as f64)),
            min_ns: sorted_ns.first().copied(),
            max_ns: sorted_ns.last().copied(),
            iqr_ns: (n >= QUARTERS).then(|| nearest_rank(&sorted_ns, 0.75) - nearest_rank(&sorted_ns, 0.25)),
            percentiles: PERCENTILES.iter().map(|&p| Percentile::of(&sorted_ns, p)).collect(),
        }
    }

    /// The percentile of that share, if it is one of [`PERCENTILES`].
    #[must_use]
    pub fn percentile(&self, p: f64) -> Option<&Percentile> {
        self.percentiles.iter().find(|percentile| (percentile.p - p).abs() < 1e-9)
    }
}

fn mean(samples_ns: &[u64]) -> Option<f64> {
    let sum: u128 = samples_ns.iter().map(|&sample_ns| u128::from(sample_ns)).sum();
    (!samples_ns.is_empty()).then(|| sum as f64 / samples_ns.len() as f64)
}

fn stddev(samples_ns: &[u64], mean_ns: f64) -> Option<f64> {
    let squares: f64 = samples_ns.iter().map(|&sample_ns| (sample_ns as f64 - mean_ns).powi(2)).sum();
    (samples_ns.len() >= 2).then(|| (squares / (samples_ns.len() - 1) as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    fn near(value: Option<f64>, expected: f64, tolerance: f64) {
        let value = value.expect("a figure");
        assert!((value - expected).abs() <= tolerance, "{value} instead of {expected}");
    }

    #[test]
    fn summary_of_eight_samples_matches_hand_calculation() {
        // Sum 40, mean 5; squared distances 9+1+1+1+0+0+4+16 = 32, over 7 = 4.5714, root 2.13809.
        // t(0.975, 7) = 2.364624 from the usual table: half width 2.364624 × 2.13809 / √8 = 1.787489.
        let summary = Summary::of(&[9, 4, 2, 4, 5, 4, 7, 5]);
        assert_eq!((summary.n, summary.min_ns, summary.max_ns), (8, Some(2), Some(9)));
        near(summary.mean_ns, 5.0, 0.0);
        near(summary.stddev_ns, 2.138_090, 1e-6);
        near(summary.mean_ci_ns.map(|ci| ci.0), 3.212_511, 1e-5);
        near(summary.mean_ci_ns.map(|ci| ci.1), 6.787_489, 1e-5);
        // Sorted 2 4 4 4 5 5 7 9: ranks 2 and 6.
        assert_eq!(summary.iqr_ns, Some(1));
        assert!(summary.percentiles.iter().all(|p| p.value_ns.is_none() && p.interval_ns.is_none()));
    }

    #[test]
    fn zero_or_one_sample_omits_unsupported_figures() {
        let nothing = Summary::of(&[]);
        assert_eq!(nothing.n, 0);
        assert_eq!((nothing.mean_ns, nothing.stddev_ns, nothing.mean_ci_ns), (None, None, None));
        assert_eq!((nothing.min_ns, nothing.max_ns, nothing.iqr_ns), (None, None, None));

        let one = Summary::of(&[7]);
        assert_eq!((one.mean_ns, one.min_ns, one.max_ns), (Some(7.0), Some(7), Some(7)));
        assert_eq!((one.stddev_ns, one.mean_ci_ns, one.iqr_ns), (None, None, None));
        assert!(one.percentiles.iter().all(|p| p.value_ns.is_none()));
    }

    #[test]
    fn each_percentile_appears_at_its_sample_count() {
        let given = |n: u64| {
            let summary = Summary::of(&(1..=n).collect::<Vec<_>>());
            summary.percentiles.iter().map(|p| p.value_ns).collect::<Vec<_>>()
        };
        assert_eq!(given(19), [None; 4]);
        assert_eq!(given(20), [Some(10), None, None, None]);
        assert_eq!(given(100), [Some(50), Some(90), None, None]);
        assert_eq!(given(1_000), [Some(500), Some(900), Some(990), None]);
        assert_eq!(given(10_000), [Some(5_000), Some(9_000), Some(9_900), Some(9_990)]);
    }

    #[test]
    fn percentile_names_follow_common_notation() {
        let names: Vec<_> = Summary::of(&[]).percentiles.iter().map(Percentile::name).collect();
        assert_eq!(names, ["p50", "p90", "p99", "p99.9"]);
        assert_eq!(Summary::of(&[]).percentile(0.999).map(|p| p.needs), Some(10_000));
        assert_eq!(Summary::of(&[]).percentile(0.25), None);
    }

    #[test]
    fn equal_samples_have_zero_spread() {
        let summary = Summary::of(&[5; 30]);
        assert_eq!((summary.stddev_ns, summary.mean_ci_ns, summary.iqr_ns), (Some(0.0), Some((5.0, 5.0)), Some(0)));
        assert_eq!(summary.percentile(0.5).and_then(|p| p.interval_ns), Some((5, 5)));
    }

    #[test]
    fn heavily_skewed_samples_have_no_mean_interval() {
        // 16 of 100 and one of 5,000: mean 388, sd 1,188, and the interval would begin at -223.
        let mut samples = vec![100; 16];
        samples.push(5_000);
        let summary = Summary::of(&samples);
        near(summary.mean_ns, 388.235, 1e-3);
        assert_eq!(summary.mean_ci_ns, None);
    }

    #[test]
    fn mean_interval_has_95_percent_coverage() {
        let mut random = StdRng::seed_from_u64(7);
        let (experiments, truth) = (4_000, 499_999.5);
        let covered = (0..experiments)
            .filter(|_| {
                let samples: Vec<u64> = (0..30).map(|_| random.random_range(0..1_000_000)).collect();
                Summary::of(&samples).mean_ci_ns.is_some_and(|(low, high)| low <= truth && truth <= high)
            })
            .count();
        let coverage = covered as f64 / f64::from(experiments);
        assert!((0.935..=0.965).contains(&coverage), "covered {coverage}");
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn summary_figures_are_finite_and_ordered(samples in prop::collection::vec(any::<u64>(), 2..300)) {
            let summary = Summary::of(&samples);
            let (min, max) = (summary.min_ns.unwrap() as f64, summary.max_ns.unwrap() as f64);
            let mean = summary.mean_ns.unwrap();
            // Converting to f64 rounds by up to one part in 2^53.
            prop_assert!(min * (1.0 - 1e-15) <= mean && mean <= max * (1.0 + 1e-15));
            prop_assert!(summary.stddev_ns.unwrap().is_finite());
            if let Some((low, high)) = summary.mean_ci_ns {
                prop_assert!(low.is_finite() && high.is_finite() && min <= low && low <= mean && mean <= high);
            }
            let given: Vec<_> = summary.percentiles.iter().filter_map(|p| p.value_ns).collect();
            prop_assert!(given.is_sorted());
        }
    }
}
