//! The metrics of one way over its rounds, and their ratios to the baseline.

use super::cases::StrategyComparison;
use super::round::StrategySample;
use super::samples::StrategySamples;
use crate::clock::ms;
use crate::measure::SendMode;
use crate::plan::SendStrategy;
use crate::record::{CaseState, Direction, Metric, MetricStatus};
use crate::stats::{PairedRatio, mean_of, nearest_rank, paired_ratio, samples_needed};
use crate::studies::setup::AppliedSource;

/// A figure of each round.
type RoundStatistic = fn(&StrategySamples) -> Vec<Option<f64>>;

/// Name, unit and direction of the figures that a round may have besides latencies.
const FIGURES: [(&str, &str, Direction); 16] = [
    ("received_mean", "ms", Direction::Lower),
    ("applied_latest_mean", "ms", Direction::Lower),
    ("rate_applied", "1/s", Direction::None),
    ("fill_wait_mean", "ms", Direction::Lower),
    ("round_trip_mean", "ms", Direction::Lower),
    ("commands_per_message", "count", Direction::None),
    ("bytes_per_command", "bytes", Direction::Lower),
    ("bytes", "bytes", Direction::Lower),
    ("bytes_compact", "bytes", Direction::Lower),
    ("encode", "us", Direction::Lower),
    ("decode", "us", Direction::Lower),
    ("write_mean", "ms", Direction::Lower),
    ("delivered", "%", Direction::Higher),
    ("drain", "ms", Direction::Lower),
    ("frames", "count", Direction::Lower),
    ("held_back", "%", Direction::Lower),
];

/// Figures that a fire-and-forget round lacks if its barrier is not fully answered.
const OF_DRAINED: [&str; 2] = ["rate_applied", "drain"];

/// Figures that are meaningless for batches that are not applied.
const OF_APPLIED: [&str; 1] = ["rate_applied"];

impl StrategyComparison<'_> {
    /// The metrics of the way at `place`, whose case is in `state`.
    pub(super) fn metrics(&self, place: usize, state: CaseState) -> Vec<Metric> {
        let (way, samples) = (self.study.ways[place], &self.samples.ways[place]);
        let applied = self.is_applied(way);
        let mut metrics = latencies(samples, applied);
        for (name, unit, direction) in FIGURES {
            let values: Vec<f64> = samples
                .good()
                .filter_map(|sample| sample.figures.iter().find(|(other, _)| *other == name))
                .map(|(_, value)| *value)
                .collect();
            if values.is_empty() {
                let is_missing = way == SendStrategy::Mode(SendMode::FireAndForget) && OF_DRAINED.contains(&name);
                if is_missing && samples.good().next().is_some() {
                    metrics.push(Metric::absent(name, unit, 0, direction, MetricStatus::Invalid));
                }
                continue;
            }
            metrics.push(if applied || !OF_APPLIED.contains(&name) {
                over_rounds(name, unit, direction, &values)
            } else {
                Metric::absent(name, unit, values.len() as u64, direction, MetricStatus::Unsupported)
            });
        }
        for (name, of) in
            [("mean_ratio", StrategySamples::means_ms as RoundStatistic), ("p50_ratio", StrategySamples::medians_ms)]
        {
            metrics.extend(self.ratio(place, of).map(|ratio| {
                let metric = Metric::plain(name, "x", ratio.ratio, ratio.n as u64, Direction::Lower);
                metric.with_interval(ratio.interval)
            }));
        }
        metrics.into_iter().map(|metric| metric.of_case(state)).collect()
    }

    /// Ratio of a figure to the baseline, round by round.
    fn ratio(&self, place: usize, of_round: RoundStatistic) -> Option<PairedRatio> {
        let baseline = self.study.baseline(place)?;
        if !self.is_applied(self.study.ways[place]) {
            return None;
        }
        // The other ways are timed by replies; the bridge's log is not comparable.
        if self.samples.seen.is_some_and(|seen| !AppliedSource::is_by_reply(seen)) {
            return None;
        }
        let (of, to) = (of_round(&self.samples.ways[place]), of_round(&self.samples.ways[baseline]));
        let pairs: (Vec<f64>, Vec<f64>) = of.iter().zip(&to).filter_map(|(of, to)| Some(((*of)?, (*to)?))).unzip();
        paired_ratio(&pairs.0, &pairs.1)
    }
}

/// A figure over the rounds: mean, standard deviation, Student's interval.
fn over_rounds(name: &str, unit: &str, direction: Direction, values: &[f64]) -> Metric {
    let n = values.len() as u64;
    match mean_of(values) {
        None => Metric::absent(name, unit, n, direction, MetricStatus::TooFew),
        Some(mean) => Metric {
            spread: mean.stddev,
            ..Metric::plain(name, unit, mean.value, n, direction).with_interval(mean.interval)
        },
    }
}

/// Percentiles and mean of the latency: per round, then over the rounds. For batches that are only acknowledged, they
/// are acknowledgement times under separate names.
fn latencies(samples: &StrategySamples, applied: bool) -> Vec<Metric> {
    let rounds = || samples.good().filter(|sample| !sample.latency_ns.is_empty());
    let n = rounds().count();
    let percentile = |p: f64| -> Vec<f64> {
        let enough = |sample: &&StrategySample| sample.latency_ns.len() >= samples_needed(p);
        rounds().filter(enough).map(|sample| ms(nearest_rank(&sorted(&sample.latency_ns), p))).collect()
    };
    let means: Vec<f64> = samples.means_ms().into_iter().flatten().collect();
    let mut metrics = Vec::new();
    for (name, values) in [("p50", percentile(0.5)), ("p90", percentile(0.9)), ("mean", means)] {
        let absent = |status| Metric::absent(name, "ms", n as u64, Direction::Lower, status);
        if n == 0 || !applied {
            metrics.push(absent(MetricStatus::Unsupported));
        } else if values.len() < n {
            metrics.push(absent(MetricStatus::TooFew));
        } else {
            metrics.push(over_rounds(name, "ms", Direction::Lower, &values));
        }
        if n > 0 && !applied && values.len() == n {
            metrics.push(over_rounds(&format!("ack_{name}"), "ms", Direction::None, &values));
        }
    }
    metrics
}

fn sorted(samples_ns: &[u64]) -> Vec<u64> {
    let mut sorted_ns = samples_ns.to_vec();
    sorted_ns.sort_unstable();
    sorted_ns
}
