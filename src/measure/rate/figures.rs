//! From steps to metrics: one row per step, one for the search.

use super::search::Search;
use super::step::RateStep;
use super::verdict::RateVerdict;
use crate::clock::ms;
use crate::record::{Direction, Metric, MetricStatus};
use crate::stats::{Summary, median_of_sorted};

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
    metrics.extend(["p50", "p99"].map(|name| percentile("latency", name, &latency, Direction::Lower)));
    metrics.push(match verdict.backlog_growth {
        Some(growth) => count("backlog_growth", growth, Direction::Lower),
        None => Metric::absent("backlog_growth", "count", sent, Direction::Lower, MetricStatus::NotMeasured),
    });
    metrics.push(count("backlog_peak", verdict.backlog_peak as f64, Direction::Lower));
    metrics.push(percentile("send_lateness", "p99", &Summary::of(&verdict.lateness_ns), Direction::None));
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
pub fn search_metrics(search: &Search, overloaded: &[&RateVerdict], confirming: &[&RateVerdict]) -> Vec<Metric> {
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
    metrics.extend(["p50", "p99"].map(|name| percentile("latency", name, &latency, Direction::Lower)));
    metrics
}

/// The reply rate under overload, per second: the median over the overloaded steps.
#[must_use]
pub fn saturated_per_s(overloaded: &[&RateVerdict]) -> Option<f64> {
    let mut rates: Vec<f64> = overloaded.iter().map(|verdict| verdict.goodput_per_s).collect();
    rates.sort_by(f64::total_cmp);
    (!rates.is_empty()).then(|| median_of_sorted(&rates))
}

fn percentile(quantity: &str, name: &str, summary: &Summary, direction: Direction) -> Metric {
    let found = summary.percentiles.iter().find(|percentile| percentile.name() == name);
    let value_ns = found.and_then(|percentile| percentile.value_ns);
    let interval_ns = found.and_then(|percentile| percentile.interval_ns);
    let name = format!("{quantity}_{name}");
    let Some(value_ns) = value_ns else {
        return Metric::absent(&name, "ms", summary.n as u64, direction, MetricStatus::TooFew);
    };
    Metric {
        ci_low: interval_ns.map(|interval| ms(interval.0)),
        ci_high: interval_ns.map(|interval| ms(interval.1)),
        ..Metric::plain(&name, "ms", ms(value_ns), summary.n as u64, direction)
    }
}
