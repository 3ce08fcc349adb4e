//! From steps to metrics: one row per step, one for the search.

use super::super::figures::percentile_metric;
use super::search::RateSearch;
use super::step::RateStep;
use super::verdict::RateVerdict;
use crate::record::{Direction, Metric, MetricStatus};
use crate::stats::{Summary, median_of};

/// The metrics of a step. Rates in 1/s, times in ms, counts in messages.
#[must_use]
pub fn step_metrics(step: &RateStep, verdict: &RateVerdict) -> Vec<Metric> {
    let sent = step.sent_ns.len() as u64;
    let count = |name: &str, value: f64, direction| Metric::plain(name, "count", value, sent, direction);
    let offered = Metric::plain("offered", "1/s", verdict.offered_per_s, step.due_ns.len() as u64, Direction::None);
    let answered = step.answered as u64;
    let mut metrics =
        vec![offered, Metric::plain("goodput", "1/s", verdict.goodput_per_s, answered, Direction::Higher)];
    let latency = Summary::of(&verdict.latency_ns);
    metrics.extend(latency_percentiles(&latency));
    metrics.push(match verdict.backlog_growth {
        Some(growth) => count("backlog_growth", growth, Direction::Lower),
        None => Metric::absent("backlog_growth", "count", sent, Direction::Lower, MetricStatus::NotMeasured),
    });
    metrics.push(count("backlog_peak", verdict.backlog_peak as f64, Direction::Lower));
    metrics.push(percentile_metric("send_lateness_p99", &Summary::of(&verdict.lateness_ns), 0.99, Direction::None));
    for (name, value) in
        [("lost", step.lost()), ("overflowed", step.overflowed), ("garbled", step.garbled), ("surplus", step.surplus)]
    {
        metrics.push(count(name, value as f64, Direction::Lower));
    }
    metrics
}

/// The metrics of a search: the highest confirmed rate, the lowest that failed, the reply rate under overload, and the
/// round trips of the confirming steps.
#[must_use]
pub fn search_metrics(search: &RateSearch, overloaded: &[&RateVerdict], confirming: &[&RateVerdict]) -> Vec<Metric> {
    let messages =
        |verdicts: &[&RateVerdict]| verdicts.iter().map(|verdict| verdict.latency_ns.len() as u64).sum::<u64>();
    let rate = |name: &str, value: Option<f64>, n: u64, direction| match value {
        Some(value) => Metric::plain(name, "1/s", value, n, direction),
        None => Metric::absent(name, "1/s", n, direction, MetricStatus::NotMeasured),
    };
    let saturated = saturated_per_s(overloaded);
    let confirmed = search.found_per_s();
    let latency_ns: Vec<u64> = confirming.iter().flat_map(|verdict| verdict.latency_ns.iter().copied()).collect();
    let latency = Summary::of(&latency_ns);
    let mut metrics = vec![
        rate("max_rate", confirmed, messages(confirming), Direction::Higher),
        rate("fails_from", search.failed_per_s(), messages(overloaded), Direction::Higher),
        rate("saturated", saturated, messages(overloaded), Direction::Higher),
    ];
    metrics.extend(latency_percentiles(&latency));
    metrics
}

/// The reply rate under overload, per second: the median over the overloaded steps.
#[must_use]
pub fn saturated_per_s(overloaded: &[&RateVerdict]) -> Option<f64> {
    let rates: Vec<f64> = overloaded.iter().map(|verdict| verdict.goodput_per_s).collect();
    median_of(&rates)
}

fn latency_percentiles(latency: &Summary) -> [Metric; 2] {
    [("latency_p50", 0.5), ("latency_p99", 0.99)]
        .map(|(name, share)| percentile_metric(name, latency, share, Direction::Lower))
}
