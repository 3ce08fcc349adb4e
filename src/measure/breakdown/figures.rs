//! Figures of the parts.

use super::exchange::Exchange;
use crate::record::{Direction, Metric, MetricStatus};
use crate::stats::Summary;

/// The figures of one part over all messages, in ms. Values in `samples_ns` may be negative by as much as the clock
/// error.
#[must_use]
pub fn part_metrics(samples_ns: &[i64]) -> Vec<Metric> {
    let lowest_ns = samples_ns.iter().copied().min().unwrap_or(0).min(0);
    let shifted: Vec<u64> = samples_ns.iter().map(|ns| ns.abs_diff(lowest_ns)).collect();
    let summary = Summary::of(&shifted);
    let ms = |ns: f64| (ns + lowest_ns as f64) / 1e6;
    let n = summary.n as u64;
    let spread = |ns: Option<f64>| ns.map(|ns| ns / 1e6);
    let figure = |name: &str, value: Option<f64>, spread: Option<f64>, interval: Option<(f64, f64)>| match value {
        None => Metric::absent(name, "ms", n, Direction::Lower, MetricStatus::TooFew),
        Some(value) => Metric {
            spread,
            ..Metric::plain(name, "ms", ms(value), n, Direction::Lower)
                .with_interval(interval.map(|(low, high)| (ms(low), ms(high))))
        },
    };
    let iqr = spread(summary.iqr_ns.map(|ns| ns as f64));
    let mut metrics: Vec<Metric> = summary
        .percentiles
        .iter()
        .map(|percentile| {
            let interval = percentile.interval_ns.map(|(low, high)| (low as f64, high as f64));
            figure(&percentile.name(), percentile.value_ns.map(|ns| ns as f64), iqr, interval)
        })
        .collect();
    metrics.push(figure("mean", summary.mean_ns, spread(summary.stddev_ns), summary.mean_ci_ns));
    metrics.push(figure("min", summary.min_ns.map(|ns| ns as f64), None, None));
    metrics.push(figure("max", summary.max_ns.map(|ns| ns as f64), None, None));
    metrics
}

/// What is known about a bridge without timestamps, in nanoseconds, one value per message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSideBounds {
    /// From the return of the write to the reply: network and bridge together.
    pub outside_ns: Vec<i64>,
    /// Excess over the fastest exchange.
    pub beyond_fastest_ns: Vec<i64>,
    /// The fastest exchange: an upper bound of the fastest network round trip.
    pub network_at_most_ns: i64,
}

/// The bounds of `exchanges`, given the fastest outside part of any exchange in the run.
#[must_use]
pub fn client_side_bounds(exchanges: &[Exchange], fastest_ns: i64) -> ClientSideBounds {
    let outside_ns: Vec<i64> = exchanges.iter().map(outside_ns).collect();
    let beyond_fastest_ns = outside_ns.iter().map(|ns| (ns - fastest_ns).max(0)).collect();
    ClientSideBounds { outside_ns, beyond_fastest_ns, network_at_most_ns: fastest_ns }
}

impl ClientSideBounds {
    /// The fastest outside part of `exchanges`, in nanoseconds; `None` if there are none.
    #[must_use]
    pub fn fastest_ns(exchanges: &[Exchange]) -> Option<i64> {
        exchanges.iter().map(outside_ns).min()
    }
}

fn outside_ns(exchange: &Exchange) -> i64 {
    i64::try_from(exchange.arrived_ns.saturating_sub(exchange.written_ns)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::clocks::tests::exchanges;
    use super::*;

    #[test]
    fn negative_samples_keep_their_sign() {
        let samples: Vec<i64> = (-10..=9).map(|ms| ms * 1_000_000).collect();
        let metrics = part_metrics(&samples);
        let value = |name: &str| metrics.iter().find(|metric| metric.name == name).unwrap().value;
        assert_eq!((value("min"), value("p50"), value("max")), (Some(-10.0), Some(-1.0), Some(9.0)));
        assert!((value("mean").unwrap() + 0.5).abs() < 1e-9);
        assert_eq!(value("p99"), None);
    }

    #[test]
    fn bounds_contain_the_true_values() {
        // The bridge takes 7 ms, and the network 20 to 120 µs.
        let exchanges = exchanges(0, 0.0, 100);
        let fastest_ns = ClientSideBounds::fastest_ns(&exchanges).unwrap();
        let bounds = client_side_bounds(&exchanges, fastest_ns);
        assert!(bounds.beyond_fastest_ns.iter().all(|ns| *ns <= 120_000));
        assert!(bounds.network_at_most_ns >= 20_000);
        assert!(bounds.outside_ns.iter().all(|ns| *ns >= 7_000_000));
    }
}
