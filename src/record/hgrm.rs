//! The percentile distribution text (`.hgrm`) of the public `HdrHistogram` plotters.

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Reporting steps in each halving of the distance to 100 %: the value of the public tools.
const TICKS_PER_HALF_DISTANCE: u64 = 5;

/// Nanoseconds per millisecond, the file's unit.
const NS_PER_MS: f64 = 1e6;

/// A percentile of the file: `left` of `of` parts are above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PercentileLevel {
    left: u64,
    of: u64,
}

impl PercentileLevel {
    /// All levels, rising: five even steps in each half of the remainder: 0, 0.1 … 0.4, 0.5, 0.55 … 0.7, 0.75 and so
    /// on.
    fn all() -> impl Iterator<Item = Self> {
        let halves = (0..60).map(|halvings| (2 * TICKS_PER_HALF_DISTANCE) << halvings);
        halves.flat_map(|of| {
            (0..TICKS_PER_HALF_DISTANCE).map(move |tick| Self { left: 2 * TICKS_PER_HALF_DISTANCE - tick, of })
        })
    }

    /// The rank, from 1, of the sample at this level among `samples`: rounded up, so that at least this share of the
    /// samples is less or equal.
    fn rank(self, samples: u64) -> u64 {
        let above = u128::from(samples) * u128::from(self.left) / u128::from(self.of);
        // At most `samples`, of which it is a share.
        samples.saturating_sub(u64::try_from(above).unwrap_or(samples)).max(1)
    }

    /// From 0 to 1, via the percentage: the last digits then equal those of the Java tools.
    fn share(self) -> f64 {
        (100.0 - 100.0 * self.left as f64 / self.of as f64) / 100.0
    }
}

/// Writes the distribution of `histogram`, whose values are nanoseconds, in milliseconds.
///
/// Four columns per data line: value, percentile (0 to 1), samples so far, 1/(1-percentile), which is `inf` on the
/// last. Values have six decimals, which shows every nanosecond. The value of a level is the sample of its rank,
/// rounded up, as in Java's `HdrHistogram`; ranks are integers here, because sums of shares drift by a sample.
pub fn write_hgrm(mut writer: impl Write, histogram: &Histogram<u64>) -> io::Result<()> {
    writeln!(writer, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let samples = histogram.len();
    let mut recorded = histogram.iter_recorded();
    let (mut value_ns, mut count) = (0, 0);
    for level in PercentileLevel::all().take_while(|_| samples > 0) {
        while count < level.rank(samples) {
            let Some(bucket) = recorded.next() else { break };
            (value_ns, count) = (bucket.value_iterated_to(), count + bucket.count_at_value());
        }
        line(&mut writer, value_ns, level.share(), count)?;
        if count == samples {
            line(&mut writer, value_ns, 1.0, count)?;
            break;
        }
    }
    let [mean_ms, stddev_ms, max_ms] =
        [histogram.mean(), histogram.stdev(), histogram.max() as f64].map(|ns| ns / NS_PER_MS);
    writeln!(writer, "#[Mean    = {mean_ms:12.6}, StdDeviation   = {stddev_ms:12.6}]")?;
    writeln!(writer, "#[Max     = {max_ms:12.6}, Total count    = {samples:12}]")?;
    writeln!(writer, "#[Buckets = {:12}, SubBuckets     = {:12}]", histogram.buckets(), sub_buckets(histogram.sigfig()))
}

fn line(writer: &mut impl Write, value_ns: u64, share: f64, count: u64) -> io::Result<()> {
    writeln!(writer, "{:12.6} {share:14.12} {count:10} {:14.2}", value_ns as f64 / NS_PER_MS, 1.0 / (1.0 - share))
}

/// Linear steps in each bucket: the power of two that resolves 2 · 10^digits.
fn sub_buckets(digits: u8) -> u64 {
    (2 * 10_u64.pow(digits.into())).next_power_of_two()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::histogram_of;

    fn written(samples_ns: &[u64]) -> String {
        let mut text = Vec::new();
        write_hgrm(&mut text, &histogram_of(samples_ns)).unwrap();
        String::from_utf8(text).unwrap()
    }

    fn data(text: &str) -> Vec<Vec<f64>> {
        let lines = text.lines().skip(2).filter(|line| !line.starts_with('#'));
        lines.map(|line| line.split_whitespace().map(|cell| cell.parse().unwrap()).collect()).collect()
    }

    #[test]
    fn distribution_of_four_samples_matches_hand_calculation() {
        // 1000, 2000, 3000 and 4000 ns; above 2047 ns buckets are 2 ns wide, so 3000 ends at 3001. From 0 %, a fifth of
        // each half is one step: 0.1, then 0.05.
        let text = written(&[1_000, 2_000, 3_000, 4_000]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "    0.001000 0.000000000000          1           1.00");
        assert_eq!(lines[5], "    0.002000 0.300000000000          2           1.43");
        assert_eq!(lines[7], "    0.002000 0.500000000000          2           2.00", "two of four samples are half");
        let last = lines.iter().rfind(|line| !line.starts_with('#')).unwrap();
        assert_eq!(*last, "    0.004001 1.000000000000          4            inf");
        assert!(text.ends_with(
            "#[Mean    =     0.002501, StdDeviation   =     0.001118]\n\
             #[Max     =     0.004001, Total count    =            4]\n\
             #[Buckets =            2, SubBuckets     =         2048]\n"
        ));
    }

    #[test]
    fn each_level_is_the_sample_of_its_rank_for_every_count() {
        for samples in (1..=300).chain([999, 1_000, 1_001, 10_000, 65_536, 1_000_000]) {
            let sorted: Vec<u64> = (1..=samples.min(1_000)).map(|i| i * 1_000_000).collect();
            let histogram = histogram_of(&sorted);
            let text = written(&sorted);
            for (line, level) in data(&text).iter().rev().skip(1).rev().zip(PercentileLevel::all()) {
                // In integers: the smallest count c with c / n >= 1 - left / of.
                let (n, left, of) = (u128::from(histogram.len()), u128::from(level.left), u128::from(level.of));
                let rank = (n * (of - left)).div_ceil(of).max(1);
                assert_eq!(u128::from(level.rank(histogram.len())), rank, "{level:?} of {n}");
                let value = sorted[usize::try_from(rank).unwrap() - 1];
                assert!(
                    (line[0] - histogram.highest_equivalent(value) as f64 / NS_PER_MS).abs() < 5e-7,
                    "{level:?} of {n}"
                );
            }
            let last = PercentileLevel::all().take_while(|level| level.rank(samples) < samples).count();
            assert!(last < 300, "{samples} samples have at most {last} levels");
        }
    }

    #[test]
    fn data_lines_have_four_ascending_columns() {
        let samples: Vec<u64> = (1..=10_000).map(|i| i * 1_700).collect();
        let lines = data(&written(&samples));
        assert!(lines.iter().all(|line| line.len() == 4));
        for column in 0..4 {
            assert!(lines.is_sorted_by(|a, b| a[column] <= b[column]), "column {column}");
        }
        assert_eq!(lines.last().map(|line| (line[1], line[2], line[3])), Some((1.0, 10_000.0, f64::INFINITY)));
    }

    #[test]
    fn empty_histogram_has_no_data_lines() {
        let text = written(&[]);
        assert!(data(&text).is_empty());
        assert!(text.contains("Total count    =            0]"));
    }
}
