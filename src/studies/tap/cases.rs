//! Cases from the totals of a tap.

use serde_json::json;

use super::super::study::CaseHistogram;
use super::recording::TapSamples;
use crate::bridge::Ack;
use crate::measure::{DirectionTraffic, TapTotals, latency_metrics};
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::{Reservoir, Summary};

/// What the times of a case measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TapQuantity {
    Reply(Option<Ack>),
    Pause(&'static str),
    Held(&'static str),
}

impl TapQuantity {
    fn path(self) -> String {
        match self {
            Self::Reply(Some(ack)) => format!("reply/{ack}"),
            Self::Reply(None) => "reply/unknown".into(),
            Self::Pause(side) => format!("inter_arrival/{side}"),
            Self::Held(side) => format!("held/{side}"),
        }
    }

    /// Name in histograms.
    fn name(self) -> &'static str {
        match self {
            Self::Reply(_) => "latency",
            Self::Pause(_) => "inter_arrival",
            Self::Held(_) => "held",
        }
    }

    fn note(self) -> &'static str {
        match self {
            Self::Reply(Some(Ack::Received)) => "From request to reply, as both passed the tap.",
            Self::Reply(Some(Ack::Applied)) => {
                "From request to reply, as both passed the tap; includes the wait for Unity's frame."
            }
            Self::Reply(None) => "Replies to commands whose thread is unknown.",
            Self::Pause(_) => "From each message of this side to the next.",
            Self::Held(_) => {
                "From the read that completed a message to the end of the write: the delay that the tap added, without \
                 its wake-up time."
            }
        }
    }
}

/// All series of times, in reading order: reply times, gaps between messages, and time added by the tap.
fn series(account: &TapTotals) -> Vec<(TapQuantity, &Reservoir)> {
    let mut series: Vec<_> = account.replies_ns.iter().map(|(ack, times)| (TapQuantity::Reply(*ack), times)).collect();
    for (side, traffic) in [("app", &account.app), ("unity", &account.unity)] {
        series.push((TapQuantity::Pause(side), &traffic.gaps_ns));
        series.push((TapQuantity::Held(side), &traffic.held_ns));
    }
    series
}

/// All totals as cases.
pub(super) fn cases(account: &TapTotals) -> Vec<Case> {
    let with_counts = |(quantity, times_ns)| {
        let mut case = case(quantity, times_ns);
        let traffic = match quantity {
            TapQuantity::Pause("app") => &account.app,
            TapQuantity::Pause(_) => &account.unity,
            _ => return case,
        };
        case.metrics.extend(counts(traffic));
        case.conditions = json!({"names": traffic.names});
        if quantity == TapQuantity::Pause("unity") {
            case.metrics.extend(unmatched(account));
        }
        case
    };
    series(account).into_iter().map(with_counts).collect()
}

/// Histograms of all series, over the whole time from the first connection, since all series cover it.
pub(super) fn histograms(samples: &TapSamples) -> Vec<CaseHistogram> {
    let span_ns = samples.span_ns.unwrap_or_default();
    let of_series = |(quantity, times_ns): (TapQuantity, &Reservoir)| {
        CaseHistogram::total(quantity.path(), quantity.name(), times_ns.values().to_vec(), span_ns)
    };
    series(&samples.account).into_iter().map(of_series).collect()
}

/// Replies that could not be matched with a request, and requests without replies.
fn unmatched(account: &TapTotals) -> [Metric; 3] {
    [("unassigned", account.unassigned), ("unasked", account.unasked), ("unanswered", account.unanswered)]
        .map(|(name, count)| Metric::plain(name, "count", count as f64, account.unity.messages, Direction::None))
}

fn case(quantity: TapQuantity, times_ns: &Reservoir) -> Case {
    let mut metrics = latency_metrics(&Summary::of(times_ns.values()), true);
    if !matches!(quantity, TapQuantity::Reply(_)) {
        // When the application sends is its own decision, so sooner is not better.
        for metric in &mut metrics {
            metric.direction = Direction::None;
        }
    }
    Case {
        path: quantity.path(),
        state: CaseState::Ok,
        reason: None,
        duration_s: times_ns.sum() as f64 / 1e9,
        conditions: json!({}),
        notes: [quantity.note().to_owned()].into_iter().chain(sampled(times_ns)).collect(),
        metrics,
        histograms: Vec::new(),
    }
}

/// Note for a series that was too long to be kept completely.
fn sampled(times_ns: &Reservoir) -> Option<String> {
    let kept = times_ns.values().len() as u64;
    (kept < times_ns.seen()).then(|| {
        format!("Figures of a random sample of {kept} of {} times; no more are kept in memory.", times_ns.seen())
    })
}

/// Messages, bytes and sizes of one side.
fn counts(traffic: &DirectionTraffic) -> Vec<Metric> {
    let n = traffic.messages;
    let plain = |name: &str, unit: &str, value: u64| Metric::plain(name, unit, value as f64, n, Direction::None);
    let sizes = Summary::of(traffic.sizes_bytes.values());
    let size = |name: &str, value: Option<u64>| match value {
        Some(value) => plain(name, "bytes", value),
        None => Metric::absent(name, "bytes", n, Direction::None, MetricStatus::TooFew),
    };
    let p50 = sizes.percentiles.iter().find(|percentile| percentile.name() == "p50").and_then(|p50| p50.value_ns);
    vec![
        plain("messages", "count", n),
        plain("bytes", "bytes", traffic.bytes),
        size("size_p50", p50),
        size("size_max", sizes.max_ns),
    ]
}

/// A session with known reply times.
#[cfg(test)]
pub(super) mod planted {
    use super::*;

    pub(in super::super) fn account() -> TapTotals {
        let mut account = TapTotals::default();
        (account.unassigned, account.unasked, account.connections) = (1, 1, 1);
        let replies = account.replies_ns.entry(Some(Ack::Received)).or_default();
        (0..50).for_each(|at| replies.push(1_000_000 * (1 + at % 5)));
        for (traffic, messages) in [(&mut account.app, 51), (&mut account.unity, 52)] {
            traffic.messages = messages;
            traffic.bytes = 100 * messages;
            for _ in 0..messages {
                traffic.sizes_bytes.push(100);
                traffic.held_ns.push(3_000);
            }
            (1..messages).for_each(|_| traffic.gaps_ns.push(20_000_000));
            traffic.names.insert("set_expression".into(), messages);
        }
        account
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn series_are_cases_with_counts() {
        let cases = cases(&planted::account());
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(paths, ["reply/received", "inter_arrival/app", "held/app", "inter_arrival/unity", "held/unity"]);
        let figure = |case: usize, name: &str| cases[case].metric(name).and_then(|metric| metric.value);
        assert_eq!((figure(0, "p50"), figure(0, "mean")), (Some(3.0), Some(3.0)));
        assert_eq!((figure(1, "messages"), figure(1, "bytes")), (Some(51.0), Some(5_100.0)));
        assert_eq!((figure(1, "size_p50"), figure(1, "size_max")), (Some(100.0), Some(100.0)));
        assert_eq!(
            (figure(3, "unassigned"), figure(3, "unasked"), figure(3, "unanswered")),
            (Some(1.0), Some(1.0), Some(0.0))
        );
        assert_eq!(figure(1, "unasked"), None, "unsolicited messages of Unity are not figures of the application");
        assert_eq!(figure(4, "p50"), Some(0.003));
        assert_eq!(cases[3].conditions["names"]["set_expression"], 52);
        // A shorter gap is not better.
        assert_eq!(cases[1].metric("p50").unwrap().direction, Direction::None);
        assert_eq!(cases[0].metric("p50").unwrap().direction, Direction::Lower);
    }

    #[test]
    fn empty_session_has_cases_without_figures() {
        let cases = cases(&TapTotals::default());
        assert_eq!(cases.len(), 4);
        let size = cases[0].metric("size_p50").unwrap();
        assert_eq!((size.value, size.status), (None, MetricStatus::TooFew));
    }

    #[test]
    fn histograms_span_the_session() {
        let samples = TapSamples { account: planted::account(), span_ns: Some((2_000_000_000, 5_000_000_000)) };
        let histograms = histograms(&samples);
        assert_eq!((histograms[0].case.as_str(), histograms[0].quantity), ("reply/received", "latency"));
        for part in histograms.iter().flat_map(|histogram| &histogram.parts) {
            assert_eq!((part.start, part.duration), (Duration::from_secs(2), Duration::from_secs(3)));
        }
    }
}
