//! Histograms of samples, with a bounded relative error.

use hdrhistogram::Histogram;

/// Significant decimal digits of each value: buckets are at most 0.1 % wide.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// Largest value that all public readers of the format support, in nanoseconds: 146 years.
const LARGEST_NS: u64 = (i64::MAX / 2) as u64;

/// The histogram of `samples_ns`, in nanoseconds, extended to the largest of them. Empty for no samples.
///
/// # Panics
///
/// Never on a platform with memory for the 55,000 buckets of the full range.
#[must_use]
pub fn histogram_of(samples_ns: &[u64]) -> Histogram<u64> {
    let mut histogram = Histogram::new(SIGNIFICANT_DIGITS).expect("0 to 5 significant digits are allowed");
    for &sample_ns in samples_ns {
        histogram.record(sample_ns.min(LARGEST_NS)).expect("the histogram grows to its largest value");
    }
    histogram
}

#[cfg(test)]
mod tests {
    use super::super::{nearest_rank, summary::PERCENTILES};
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    #[test]
    fn samples_from_zero_to_hours_are_counted() {
        let hour_ns = 3_600_000_000_000;
        let histogram = histogram_of(&[0, 1, 46_000, 16_666_667, hour_ns]);
        assert_eq!(histogram.len(), 5);
        assert_eq!(histogram.min(), 0);
        assert!(histogram.equivalent(histogram.max(), hour_ns));
        assert!(histogram_of(&[]).is_empty());
    }

    #[test]
    fn oversized_sample_counts_as_the_largest_value() {
        let histogram = histogram_of(&[u64::MAX, 1]);
        assert_eq!(histogram.len(), 2);
        assert!(histogram.equivalent(histogram.max(), LARGEST_NS));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn percentiles_match_sorted_samples_within_a_bucket(
            mut samples in prop::collection::vec(0_u64..10_000_000_000, 1..400)
        ) {
            samples.sort_unstable();
            let histogram = histogram_of(&samples);
            for p in PERCENTILES {
                let (exact, bucketed) = (nearest_rank(&samples, p), histogram.value_at_quantile(p));
                prop_assert!(histogram.equivalent(exact, bucketed), "p {p}: exact {exact}, from buckets {bucketed}");
                prop_assert!(bucketed - exact <= exact / 1_000, "p {p}: exact {exact}, from buckets {bucketed}");
            }
        }
    }
}
