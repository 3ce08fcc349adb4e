//! How figures are formatted: a readable scale, always with a unit, and words for missing figures.

use crate::record::{Metric, MetricStatus};
use crate::stats::samples_needed;

/// Shown in a cell that has no figure at all.
pub(super) const NOTHING: &str = "–";

/// Nanoseconds per unit of time; `None` for any other unit.
pub(super) fn ns_per(unit: &str) -> Option<f64> {
    match unit {
        "ns" => Some(1.0),
        "us" | "µs" => Some(1e3),
        "ms" => Some(1e6),
        "s" => Some(1e9),
        _ => None,
    }
}

/// How values of similar size are formatted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct UnitScale<'a> {
    factor: f64,
    suffix: &'a str,
    decimals: usize,
}

impl<'a> UnitScale<'a> {
    /// The scale on which `value` has about four significant digits.
    fn of(value: f64, unit: &'a str) -> Self {
        if let Some(ns) = ns_per(unit) {
            return Self::of_time(value.abs() * ns, ns);
        }
        match unit {
            "count" => Self { factor: 1.0, suffix: "", decimals: usize::from(value.fract() != 0.0) },
            "bytes" => Self::of_bytes(value.abs()),
            _ if unit.starts_with("bytes/") => Self { suffix: unit, factor: 1.0, decimals: 0 },
            "1/s" => Self { factor: 1.0, suffix: " /s", decimals: decimals(value.abs()) },
            "" | "1" => Self { factor: 1.0, suffix: "", decimals: decimals(value.abs()) },
            _ => Self { factor: 1.0, suffix: unit, decimals: decimals(value.abs()) },
        }
    }

    /// The limits are half a last digit below the next unit: 999.96 µs is written 1.000 ms, never 1000.0 µs.
    fn of_time(ns: f64, ns_per_unit: f64) -> Self {
        let (divisor, suffix, decimals) = match ns {
            ns if ns < 999.5 => (1.0, " ns", usize::from(ns < 9.95 && ns.fract() != 0.0)),
            ns if ns < 999_950.0 => (1e3, " µs", 1),
            ns if ns < 999.95e6 => (1e6, " ms", decimals(ns / 1e6)),
            ns => (1e9, " s", decimals(ns / 1e9)),
        };
        Self { factor: ns_per_unit / divisor, suffix, decimals }
    }

    fn of_bytes(bytes: f64) -> Self {
        let units = [(1024.0_f64.powi(3), " GiB"), (1024.0_f64.powi(2), " MiB"), (1024.0, " KiB")];
        let scale = units.into_iter().find(|(size, _)| bytes >= *size);
        scale.map_or(Self { factor: 1.0, suffix: " B", decimals: 0 }, |(size, suffix)| Self {
            factor: 1.0 / size,
            suffix,
            decimals: decimals(bytes / size),
        })
    }

    /// The number without its unit.
    fn number(self, value: f64) -> String {
        grouped(&format!("{:.*}", self.decimals, value * self.factor))
    }

    /// The unit, with its separator.
    fn unit(self) -> String {
        if self.suffix.is_empty() || self.suffix.starts_with(' ') {
            self.suffix.into()
        } else {
            format!(" {}", self.suffix)
        }
    }
}

/// Decimals for four significant digits of a number.
fn decimals(size: f64) -> usize {
    match size {
        size if size < 9.9995 => 3,
        size if size < 99.995 => 2,
        size if size < 999.95 => 1,
        _ => 0,
    }
}

/// Groups the integer digits by three.
pub(super) fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    let mut text = sign.to_owned();
    for (at, digit) in whole.char_indices() {
        if at > 0 && (whole.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

/// A whole number: `10,000`.
pub(super) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A value with its unit: `16.67 ms`.
pub(super) fn value(value: f64, unit: &str) -> String {
    let scale = UnitScale::of(value, unit);
    scale.number(value) + &scale.unit()
}

/// Bytes in a readable unit: `1.016 KiB`.
#[must_use]
pub fn amount(bytes: f64) -> String {
    value(bytes, "bytes")
}

/// The same with an interval: `1.016 KiB [0.999, 1.024]`.
#[must_use]
pub fn amount_by(bytes: f64, low: f64, high: f64) -> String {
    let scale = UnitScale::of(bytes, "bytes");
    format!("{}{} [{}, {}]", scale.number(bytes), scale.unit(), scale.number(low), scale.number(high))
}

/// A figure with its 95 % interval if it has one: `16.67 ms [16.64, 16.69]`. Words if it is missing.
#[must_use]
pub fn with_interval(metric: &Metric) -> String {
    let Some(figure) = metric.value else { return absent(metric) };
    let scale = UnitScale::of(figure, &metric.unit);
    let interval = match (metric.ci_low, metric.ci_high) {
        (Some(low), Some(high)) => format!(" [{}, {}]", scale.number(low), scale.number(high)),
        _ => String::new(),
    };
    scale.number(figure) + &scale.unit() + &interval
}

/// A figure without its interval. Words if it is missing.
pub(super) fn alone(metric: &Metric) -> String {
    metric.value.map_or_else(|| absent(metric), |figure| value(figure, &metric.unit))
}

/// A figure with its spread if it has one: `16.67 ± 0.21 ms`. Words if it is missing.
pub(super) fn with_spread(metric: &Metric) -> String {
    let (Some(figure), Some(spread)) = (metric.value, metric.spread) else { return alone(metric) };
    let scale = UnitScale::of(figure, &metric.unit);
    format!("{} ± {}{}", scale.number(figure), scale.number(spread), scale.unit())
}

/// A figure with its interval if it has one, else with its spread. Words if it is missing.
pub(super) fn with_interval_or_spread(metric: &Metric) -> String {
    if metric.ci_low.is_some() && metric.ci_high.is_some() { with_interval(metric) } else { with_spread(metric) }
}

/// Two figures as a range, with one unit if both have the same scale: `15.90..18.02 ms`, `31.2 µs..1.792 ms`.
pub(super) fn range(min: &Metric, max: &Metric) -> String {
    let (Some(low), Some(high)) = (min.value, max.value) else { return absent(max) };
    let (low_scale, high_scale) = (UnitScale::of(low, &min.unit), UnitScale::of(high, &max.unit));
    let unit = if low_scale.suffix == high_scale.suffix { String::new() } else { low_scale.unit() };
    format!("{}{unit}..{}{}", low_scale.number(low), high_scale.number(high), high_scale.unit())
}

/// Why a figure is missing: `needs n ≥ 1,000`, `not measured`.
pub(super) fn absent(metric: &Metric) -> String {
    // `itl_p99` is a percentile of a quantity.
    let p = metric.name.rsplit('_').next().and_then(percentile);
    match (metric.status, p) {
        (MetricStatus::TooFew, Some(p)) => needs(p),
        (MetricStatus::TooFew, None) => "too few samples".into(),
        (status, _) => status.word().replace('_', " "),
    }
}

/// The sample size that a percentile needs: `needs n ≥ 1,000`.
pub(super) fn needs(p: f64) -> String {
    format!("needs n ≥ {}", count(samples_needed(p) as u64))
}

/// The share of a percentile by its name: 0.999 for `p99.9`; `None` for any other name.
pub(super) fn percentile(name: &str) -> Option<f64> {
    let percent: f64 =
        name.strip_prefix('p').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?.parse().ok()?;
    (0.0..100.0).contains(&percent).then_some(percent / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Direction;

    fn metric(name: &str, unit: &str, value: f64) -> Metric {
        Metric::plain(name, unit, value, 100, Direction::None)
    }

    #[test]
    fn times_use_readable_units() {
        let ms = |number| value(number, "ms");
        assert_eq!([0.0, 0.000_000_4, 0.000_046].map(ms), ["0 ns", "0.4 ns", "46 ns"]);
        assert_eq!([0.001, 0.0123, 0.9999].map(ms), ["1.0 µs", "12.3 µs", "999.9 µs"]);
        assert_eq!([8.512, 16.6667, 246.34].map(ms), ["8.512 ms", "16.67 ms", "246.3 ms"]);
        assert_eq!([1_792.0, 61_000.0].map(ms), ["1.792 s", "61.00 s"]);
        assert_eq!(value(-0.0123, "ms"), "-12.3 µs");
        assert_eq!(value(12.25, "s"), "12.25 s");
    }

    #[test]
    fn rounding_switches_units_cleanly() {
        assert_eq!(value(0.999_96, "ms"), "1.000 ms");
        assert_eq!(value(0.000_999_6, "ms"), "1.0 µs");
        assert_eq!(value(9.999_6, "ms"), "10.00 ms");
        assert_eq!(value(999.96, "ms"), "1.000 s");
    }

    #[test]
    fn other_units_are_kept_with_grouped_digits() {
        assert_eq!(value(6_871.4, "1/s"), "6,871 /s");
        assert_eq!(value(59.98, "1/s"), "59.98 /s");
        assert_eq!(value(2.0, "count"), "2");
        assert_eq!(value(1_234_567.0, "count"), "1,234,567");
        assert_eq!(value(-1_234.0, "count"), "-1,234");
        assert_eq!(value(12.3, "%"), "12.30 %");
        assert_eq!(value(1.5, ""), "1.500");
        assert_eq!(value(512.0, "bytes"), "512 B");
        assert_eq!(value(16_777_216_000.0, "bytes"), "15.62 GiB");
    }

    #[test]
    fn interval_and_spread_share_the_figures_unit() {
        let figure =
            Metric { spread: Some(0.21), ci_low: Some(16.64), ci_high: Some(16.69), ..metric("p50", "ms", 16.6667) };
        assert_eq!(with_interval(&figure), "16.67 ms [16.64, 16.69]");
        assert_eq!(with_spread(&figure), "16.67 ± 0.21 ms");
        assert_eq!(alone(&figure), "16.67 ms");
        assert_eq!(with_spread(&metric("mean", "ms", 0.05)), "50.0 µs");
        assert_eq!(range(&metric("min", "ms", 15.903), &metric("max", "ms", 18.02)), "15.90..18.02 ms");
        assert_eq!(range(&metric("min", "ms", 0.0312), &metric("max", "ms", 1.792)), "31.2 µs..1.792 ms");
    }

    #[test]
    fn missing_figures_state_why() {
        let absent = |name, status| with_interval(&Metric::absent(name, "ms", 5, Direction::Lower, status));
        assert_eq!(absent("p50", MetricStatus::TooFew), "needs n ≥ 20");
        assert_eq!(absent("p99.9", MetricStatus::TooFew), "needs n ≥ 10,000");
        assert_eq!(absent("itl_p99", MetricStatus::TooFew), "needs n ≥ 1,000");
        assert_eq!(absent("period", MetricStatus::TooFew), "too few samples");
        assert_eq!(absent("p50", MetricStatus::NotMeasured), "not measured");
    }

    #[test]
    fn only_percentile_names_parse_as_percentiles() {
        assert_eq!(percentile("p50"), Some(0.5));
        assert!(percentile("p99.9").is_some_and(|p| (p - 0.999).abs() < 1e-12));
        assert_eq!(["p", "pinf", "period", "p100", "p-1"].map(percentile), [None; 5]);
    }
}
