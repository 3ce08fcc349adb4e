//! The percentile distribution text (`.hgrm`) that the public `HdrHistogram` plotters read.

use std::io::{self, Write};

use hdrhistogram::Histogram;

/// Reporting steps in each halving of the distance to 100 %: what the public tools use.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// Nanoseconds in the file's unit, milliseconds.
const NS_PER_MS: f64 = 1e6;

/// Writes the distribution of `histogram`, whose values are nanoseconds, in milliseconds.
///
/// Four columns on every data line: value, percentile (0 to 1), samples up to there, 1/(1-percentile), which is `inf` on
/// the last. Values have six decimals: every nanosecond shows.
pub fn write_hgrm(mut writer: impl Write, histogram: &Histogram<u64>) -> io::Result<()> {
    writeln!(writer, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut count = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        count += step.count_since_last_iteration();
        let (value_ms, p) = (step.value_iterated_to() as f64 / NS_PER_MS, step.quantile_iterated_to());
        writeln!(writer, "{value_ms:12.6} {p:14.12} {count:10} {:14.2}", 1.0 / (1.0 - p))?;
    }
    let [mean_ms, stddev_ms, max_ms] =
        [histogram.mean(), histogram.stdev(), histogram.max() as f64].map(|ns| ns / NS_PER_MS);
    writeln!(writer, "#[Mean    = {mean_ms:12.6}, StdDeviation   = {stddev_ms:12.6}]")?;
    writeln!(writer, "#[Max     = {max_ms:12.6}, Total count    = {:12}]", histogram.len())?;
    writeln!(writer, "#[Buckets = {:12}, SubBuckets     = {:12}]", histogram.buckets(), sub_buckets(histogram.sigfig()))
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
    fn four_samples_by_hand() {
        // 1000, 2000, 3000 and 4000 ns; above 2047 ns buckets are 2 ns wide, so that 3000 ends at 3001. From 0 %, a
        // fifth of each half is one step: 0.1, then 0.05.
        let text = written(&[1_000, 2_000, 3_000, 4_000]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "    0.001000 0.000000000000          1           1.00");
        assert_eq!(lines[5], "    0.002000 0.300000000000          2           1.43");
        let last = lines.iter().rfind(|line| !line.starts_with('#')).unwrap();
        assert_eq!(*last, "    0.004001 1.000000000000          4            inf");
        assert!(text.ends_with(
            "#[Mean    =     0.002501, StdDeviation   =     0.001118]\n\
             #[Max     =     0.004001, Total count    =            4]\n\
             #[Buckets =            2, SubBuckets     =         2048]\n"
        ));
    }

    #[test]
    fn every_data_line_has_four_columns_that_rise() {
        let samples: Vec<u64> = (1..=10_000).map(|i| i * 1_700).collect();
        let lines = data(&written(&samples));
        assert!(lines.iter().all(|line| line.len() == 4));
        for column in 0..4 {
            assert!(lines.is_sorted_by(|a, b| a[column] <= b[column]), "column {column}");
        }
        assert_eq!(lines.last().map(|line| (line[1], line[2], line[3])), Some((1.0, 10_000.0, f64::INFINITY)));
    }

    #[test]
    fn no_samples_give_no_data_line() {
        let text = written(&[]);
        assert!(data(&text).is_empty());
        assert!(text.contains("Total count    =            0]"));
    }
}
