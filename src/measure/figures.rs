//! From round trips to metrics: which ones a case has, and which are withheld.

use super::round_trips::{CaseEnd, RoundTrips};
use crate::clock::ms;
use crate::plural::counted;
use crate::record::{CaseState, Direction, Metric, MetricStatus};
use crate::stats::Summary;

/// State of a case and, unless `ok`, the reason. `ids` says that replies name their message.
#[must_use]
pub fn case_state(trips: &RoundTrips, ids: bool) -> (CaseState, Option<String>) {
    let usable = trips.latency_ns.len();
    let account = format!(
        "{} of {} answered, {usable} usable, {} lost, {} garbled, {} surplus, {} unmatched",
        trips.answered,
        counted(trips.sent, "message"),
        trips.lost,
        trips.garbled,
        trips.surplus,
        trips.unmatched
    );
    let fault = trips.first_fault.as_ref().map_or(account.clone(), |fault| format!("{account}; first: {fault}"));
    // When replies are matched by order alone, one surplus line may shift every later match.
    if trips.surplus > 0 && !ids {
        let why = "replies have no id and there were more replies than messages, so none can be assigned";
        return (CaseState::Invalid, Some(format!("{why}: {fault}")));
    }
    match &trips.end {
        CaseEnd::Broken(error) if usable == 0 => (CaseState::Failed, Some(trips.cause(error))),
        CaseEnd::Broken(error) => (CaseState::Lossy, Some(format!("{account}; ended by: {}", trips.cause(error)))),
        CaseEnd::Interrupted => {
            (CaseState::Interrupted, Some(format!("interrupted after {}", counted(trips.answered, "reply"))))
        }
        CaseEnd::Complete if usable == 0 => (CaseState::Failed, Some(fault)),
        CaseEnd::Complete if trips.lost + trips.garbled + trips.unmatched + trips.surplus > 0 => {
            (CaseState::Lossy, Some(fault))
        }
        CaseEnd::Complete if trips.first_fault.is_some() => (CaseState::Lossy, trips.first_fault.clone()),
        CaseEnd::Complete => (CaseState::Ok, None),
    }
}

/// The metrics of a case that ended in `state`, from a closed loop or not. Latencies in ms, rates in 1/s, counts in
/// messages.
#[must_use]
pub fn metrics(trips: &RoundTrips, is_closed: bool, state: CaseState) -> Vec<Metric> {
    let status = match state {
        CaseState::Ok => MetricStatus::Ok,
        CaseState::Interrupted | CaseState::Lossy => MetricStatus::Partial,
        CaseState::Invalid | CaseState::Failed | CaseState::NotMeasured => MetricStatus::Invalid,
    };
    let usable = matches!(status, MetricStatus::Ok | MetricStatus::Partial);
    let mut metrics = latency_metrics(&Summary::of(&trips.latency_ns), usable);
    metrics.push(rate(trips, is_closed, usable));
    if !is_closed {
        metrics.extend(lateness(&trips.lateness_ns, usable));
    }
    if status == MetricStatus::Partial {
        for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
            metric.status = status;
        }
    }
    // Counts stay valid even if the figures are not.
    for (name, count) in
        [("lost", trips.lost), ("garbled", trips.garbled), ("surplus", trips.surplus), ("unmatched", trips.unmatched)]
    {
        metrics.push(if trips.sent == 0 {
            Metric::absent(name, "count", 0, Direction::Lower, MetricStatus::NotMeasured)
        } else {
            Metric::plain(name, "count", count as f64, trips.sent, Direction::Lower)
        });
    }
    metrics
}

/// Figures of durations in milliseconds: percentiles, mean, extremes. Marked invalid unless `usable`.
#[must_use]
pub fn latency_metrics(summary: &Summary, usable: bool) -> Vec<Metric> {
    let n = summary.n as u64;
    let figure = |name: &str, value: Option<f64>, spread: Option<f64>, interval: Option<(f64, f64)>| Metric {
        value: value.filter(|_| usable),
        spread: spread.filter(|_| usable && value.is_some()),
        status: match value {
            _ if !usable => MetricStatus::Invalid,
            None => MetricStatus::TooFew,
            Some(_) => MetricStatus::Ok,
        },
        ..Metric::plain(name, "ms", 0.0, n, Direction::Lower).with_interval(interval.filter(|_| usable))
    };
    let iqr = summary.iqr_ns.map(ms);
    let mut metrics: Vec<Metric> = summary
        .percentiles
        .iter()
        .map(|percentile| {
            let interval = percentile.interval_ns.map(|(low, high)| (ms(low), ms(high)));
            figure(&percentile.name(), percentile.value_ns.map(ms), iqr, interval)
        })
        .collect();
    let mean_ci = summary.mean_ci_ns.map(|(low, high)| (low / 1e6, high / 1e6));
    let stddev = summary.stddev_ns.map(|ns| ns / 1e6);
    metrics.push(figure("mean", summary.mean_ns.map(|ns| ns / 1e6), stddev, mean_ci));
    metrics.push(figure("min", summary.min_ns.map(ms), None, None));
    metrics.push(figure("max", summary.max_ns.map(ms), None, None));
    metrics
}

/// One percentile of times in milliseconds, with its interval, as the metric `name`. `share` must be one of the
/// summary's percentiles.
pub(super) fn percentile_metric(name: &str, summary: &Summary, share: f64, direction: Direction) -> Metric {
    let n = summary.n as u64;
    let found = summary.percentile(share).and_then(|percentile| Some((percentile.value_ns?, percentile.interval_ns)));
    let Some((value_ns, interval_ns)) = found else {
        return Metric::absent(name, "ms", n, direction, MetricStatus::TooFew);
    };
    let interval = interval_ns.map(|(low_ns, high_ns)| (ms(low_ns), ms(high_ns)));
    Metric::plain(name, "ms", ms(value_ns), n, direction).with_interval(interval)
}

/// Answered messages per second. In an open loop it follows the offered rate, so more is not better.
fn rate(trips: &RoundTrips, is_closed: bool, usable: bool) -> Metric {
    let direction = if is_closed { Direction::Higher } else { Direction::None };
    if !usable || trips.duration_ns == 0 || trips.answered == 0 {
        let status = if usable { MetricStatus::TooFew } else { MetricStatus::Invalid };
        return Metric::absent("rate", "1/s", trips.answered, direction, status);
    }
    let rate_per_s = trips.answered as f64 / (trips.duration_ns as f64 / 1e9);
    Metric::plain("rate", "1/s", rate_per_s, trips.answered, direction)
}

/// Send lateness of an open loop: a property of this tool and machine, not of the bridge.
fn lateness(lateness_ns: &[u64], usable: bool) -> impl Iterator<Item = Metric> {
    latency_metrics(&Summary::of(lateness_ns), usable)
        .into_iter()
        .filter(|metric| ["p50", "p99", "max"].contains(&metric.name.as_str()))
        .map(|metric| Metric { name: format!("send_lateness_{}", metric.name), direction: Direction::None, ..metric })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bridge::BridgeError;

    fn trips(latencies: usize) -> RoundTrips {
        let mut trips = RoundTrips::new(latencies);
        trips.latency_ns = (1..=latencies as u64).map(|index| index * 1_000_000).collect();
        trips.sent = latencies as u64;
        trips.answered = latencies as u64;
        trips.duration_ns = 2_000_000_000;
        trips
    }

    fn figure(metrics: &[Metric], name: &str) -> (Option<f64>, &'static str) {
        let metric = metrics.iter().find(|metric| metric.name == name).unwrap();
        (metric.value, metric.status.word())
    }

    #[test]
    fn clean_case_has_the_metrics_its_sample_size_allows() {
        let metrics = metrics(&trips(100), true, CaseState::Ok);
        assert_eq!(figure(&metrics, "p50"), (Some(50.0), "ok"));
        assert_eq!(figure(&metrics, "p90"), (Some(90.0), "ok"));
        assert_eq!(figure(&metrics, "p99"), (None, "too_few"));
        assert_eq!(figure(&metrics, "mean"), (Some(50.5), "ok"));
        assert_eq!(figure(&metrics, "rate"), (Some(50.0), "ok"));
        assert_eq!(figure(&metrics, "lost"), (Some(0.0), "ok"));
    }

    #[test]
    fn lost_connection_reports_the_first_error() {
        let mut trips = trips(0);
        trips.note_fault(&BridgeError::NoReply { waited: Duration::from_secs(1) });
        trips.end_for(BridgeError::NobodyCame {
            address: ([127, 0, 0, 1], 5555).into(),
            waited: Duration::from_secs(1),
        });
        let why = "no reply within 1s, and then no bridge connected to 127.0.0.1:5555 within 1s";
        assert_eq!(case_state(&trips, false), (CaseState::Failed, Some(why.into())));
    }

    #[test]
    fn losses_mark_all_figures_and_uncertain_order_omits_them() {
        let lossy = RoundTrips { lost: 1, first_fault: Some("no reply".into()), ..trips(50) };
        let (state, reason) = case_state(&lossy, false);
        assert_eq!(state, CaseState::Lossy);
        assert!(reason.unwrap().contains("1 lost"));
        assert_eq!(figure(&metrics(&lossy, true, state), "p50"), (Some(25.0), "partial"));

        let surplus = RoundTrips { surplus: 1, ..trips(50) };
        assert_eq!(case_state(&surplus, true).0, CaseState::Lossy);
        let (state, _) = case_state(&surplus, false);
        assert_eq!(state, CaseState::Invalid);
        let metrics = metrics(&surplus, true, state);
        assert_eq!(figure(&metrics, "p50"), (None, "invalid"));
        assert_eq!(figure(&metrics, "rate"), (None, "invalid"));
        assert_eq!(figure(&metrics, "surplus"), (Some(1.0), "ok"));
    }

    #[test]
    fn stop_reason_decides_between_failed_lossy_and_interrupted() {
        let state = |end, answered| case_state(&RoundTrips { end, ..trips(answered) }, false).0;
        let closed = || CaseEnd::Broken(BridgeError::Closed { mid_line: false });
        assert_eq!(state(CaseEnd::Complete, 5), CaseState::Ok);
        assert_eq!(state(closed(), 5), CaseState::Lossy);
        assert_eq!(state(closed(), 0), CaseState::Failed);
        assert_eq!(state(CaseEnd::Interrupted, 5), CaseState::Interrupted);
        assert_eq!(state(CaseEnd::Interrupted, 0), CaseState::Interrupted);
        assert_eq!(state(CaseEnd::Complete, 0), CaseState::Failed);
    }
}
