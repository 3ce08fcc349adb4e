//! Cases from lone round trips: one per part, or bounds if there are no timestamps.

use serde_json::{Value, json};

use super::super::super::interruption::ended_by;
use super::study::AckSamples;
use crate::bridge::BridgeError;
use crate::clock::ms;
use crate::measure::{
    CaseEnd, ClientSideBounds, Clocks, Exchange, RoundTripStage, client_side_bounds, clocks, part_metrics, stages_of,
};
use crate::record::{Case, CaseState};

const SPANS_CLOCKS: &str =
    "Includes the error of the clock offset: what it adds in one direction, it takes from the other.";

const UPPER_BOUND: &str = "An upper bound, since the bridge sends no timestamps: network and bridge together.";

/// The cases of one kind of reply.
pub(super) fn cases(samples: &AckSamples) -> Vec<Case> {
    match clocks(&samples.exchanges) {
        Some(clocks) => exact(samples, &clocks),
        None => bounds(samples),
    }
}

/// Duration of each part in nanoseconds over all round trips with timestamps, without parts that none of them has.
pub(super) fn by_part(exchanges: &[Exchange], clocks: &Clocks) -> (usize, Vec<(RoundTripStage, Vec<i64>)>) {
    let taken: Vec<Vec<(RoundTripStage, i64)>> =
        exchanges.iter().filter_map(|exchange| stages_of(exchange, clocks)).collect();
    let of_part = |part: RoundTripStage| {
        let each = taken.iter().filter_map(|parts| parts.iter().find(|taken| taken.0 == part));
        (part, each.map(|taken| taken.1).collect::<Vec<i64>>())
    };
    let by_part = RoundTripStage::ALL.map(of_part).into_iter().filter(|(_, samples_ns)| !samples_ns.is_empty());
    (taken.len(), by_part.collect())
}

fn exact(samples: &AckSamples, clocks: &Clocks) -> Vec<Case> {
    let about = json!({"clock_error_us": clocks.error_ns as f64 / 1e3, "clock_drift_ppm": clocks.drift_ppm()});
    let (_, by_part) = by_part(&samples.exchanges, clocks);
    let of_part = |(part, samples_ns): (RoundTripStage, Vec<i64>)| {
        let notes = if part.spans_clocks() { vec![SPANS_CLOCKS.to_owned()] } else { Vec::new() };
        case(samples, part.name(), &samples_ns, &about, notes)
    };
    [whole(samples)].into_iter().chain(by_part.into_iter().map(of_part)).collect()
}

/// Bounds without timestamps.
fn bounds(samples: &AckSamples) -> Vec<Case> {
    let exchanges = &samples.exchanges;
    let plain = |name: &str, of: fn(&Exchange) -> i64| {
        case(samples, name, &exchanges.iter().map(of).collect::<Vec<i64>>(), &json!({}), Vec::new())
    };
    let mut cases = vec![
        whole(samples),
        plain("serialise", |it| within(it.begin_ns, it.write_ns)),
        plain("write", |it| within(it.write_ns, it.written_ns)),
    ];
    if let Some(fastest_ns) = ClientSideBounds::fastest_ns(exchanges) {
        let bounds = client_side_bounds(exchanges, fastest_ns);
        let about = json!({"bound": "upper", "fastest_ms": ms(fastest_ns.unsigned_abs())});
        cases.push(case(samples, "network_and_bridge", &bounds.outside_ns, &about, vec![UPPER_BOUND.to_owned()]));
    }
    cases.push(plain("parse_reply", |it| within(it.arrived_ns, it.parsed_ns)));
    cases
}

fn whole(samples: &AckSamples) -> Case {
    let each = samples.exchanges.iter().map(|exchange| within(exchange.begin_ns, exchange.parsed_ns));
    case(samples, "whole", &each.collect::<Vec<i64>>(), &json!({}), Vec::new())
}

fn within(from_ns: u64, to_ns: u64) -> i64 {
    i64::try_from(to_ns.saturating_sub(from_ns)).unwrap_or(i64::MAX)
}

fn case(samples: &AckSamples, name: &str, samples_ns: &[i64], about: &Value, notes: Vec<String>) -> Case {
    let ack = samples.ack;
    let more_replies = || Some(BridgeError::Surplus { count: samples.surplus }.to_string());
    let (state, reason) = match &samples.end {
        CaseEnd::Complete if samples.surplus > 0 && samples_ns.is_empty() => (CaseState::Invalid, more_replies()),
        CaseEnd::Complete if samples.surplus > 0 => (CaseState::Lossy, more_replies()),
        CaseEnd::Complete => (CaseState::Ok, None),
        CaseEnd::Interrupted => (CaseState::Interrupted, Some(ended_by())),
        CaseEnd::Broken(error) if samples_ns.is_empty() => (CaseState::Failed, Some(error.to_string())),
        CaseEnd::Broken(error) => (CaseState::Lossy, Some(format!("ended by: {error}"))),
    };
    Case {
        path: format!("{ack}/breakdown/{name}"),
        state,
        reason,
        duration_s: 0.0,
        conditions: json!({"ack": ack, "size_bytes": samples.size_bytes, "part": name, "about": about}),
        notes,
        metrics: part_metrics(samples_ns).into_iter().map(|metric| metric.of_case(state)).collect(),
        histograms: Vec::new(),
    }
}

/// Round trips with known parts.
#[cfg(test)]
pub(super) mod planted {
    use super::*;
    use crate::bridge::Ack;
    use crate::measure::BridgeTimestamps;

    const US: u64 = 1_000;

    /// 40 round trips, 100 ms apart, with a bridge whose clock is 1 s ahead of ours. In microseconds: 10 to serialise,
    /// 20 to write, 30 on the network, 40 to parse, 200 in the queue, 50 to apply, 10 to reply, 50 on the network back,
    /// 5 to parse the reply.
    pub(in super::super) fn samples(has_stamps: bool) -> AckSamples {
        let exchange = |at: u64| {
            let begin_ns = 1_000_000 * US + at * 100_000 * US;
            let bridge = |us: u64| begin_ns + 1_000_000 * US + us * US;
            let stamps = BridgeTimestamps {
                received_ns: bridge(60),
                parsed_ns: bridge(100),
                frame_ns: None,
                dequeued_ns: Some(bridge(300)),
                applied_ns: Some(bridge(350)),
                replied_ns: bridge(360),
                frame: None,
            };
            Exchange {
                begin_ns,
                write_ns: begin_ns + 10 * US,
                written_ns: begin_ns + 30 * US,
                arrived_ns: begin_ns + 410 * US,
                parsed_ns: begin_ns + 415 * US,
                stamps: has_stamps.then_some(stamps),
            }
        };
        let exchanges = (0..40).map(exchange).collect();
        AckSamples { ack: Ack::Applied, size_bytes: 100, exchanges, end: CaseEnd::Complete, surplus: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::MetricStatus;

    fn mean_us(cases: &[Case], part: &str) -> Option<f64> {
        let case = cases.iter().find(|case| case.path == format!("applied/breakdown/{part}"))?;
        Some((case.metric("mean")?.value? * 1e3).round())
    }

    #[test]
    fn parts_are_cases_and_add_up_to_the_round_trip() {
        let cases = cases(&planted::samples(true));
        let names: Vec<&str> = cases.iter().filter_map(|case| case.conditions["part"].as_str()).collect();
        let parts =
            ["serialise", "write", "network_out", "parse", "queue", "apply", "reply", "network_back", "parse_reply"];
        assert_eq!(names, [&["whole"][..], &parts].concat());
        let us = |part: &str| mean_us(&cases, part).unwrap();
        assert_eq!((us("serialise"), us("parse"), us("queue"), us("apply")), (10.0, 40.0, 200.0, 50.0));
        assert_eq!((us("whole"), parts.map(us).iter().sum::<f64>()), (415.0, 415.0));
        assert!(cases.iter().all(|case| case.state == CaseState::Ok && case.conditions["size_bytes"] == 100));
        let spans: Vec<&str> =
            cases.iter().filter(|case| case.notes == [SPANS_CLOCKS]).map(|case| case.path.as_str()).collect();
        assert_eq!(spans, ["write", "network_out", "network_back"].map(|part| format!("applied/breakdown/{part}")));
    }

    #[test]
    fn without_timestamps_there_are_bounds() {
        let cases = cases(&planted::samples(false));
        let names: Vec<&str> = cases.iter().filter_map(|case| case.conditions["part"].as_str()).collect();
        assert_eq!(names, ["whole", "serialise", "write", "network_and_bridge", "parse_reply"]);
        assert_eq!(mean_us(&cases, "network_and_bridge"), Some(380.0));
        assert_eq!(
            (&cases[3].notes[..], &cases[3].conditions["about"]["bound"]),
            (&[UPPER_BOUND.to_owned()][..], &json!("upper"))
        );
    }

    /// More samples would not help, so the figures are invalid rather than omitted.
    #[test]
    fn breakdown_with_unmatched_replies_is_invalid() {
        let samples = AckSamples { exchanges: Vec::new(), surplus: 1, ..planted::samples(false) };
        let cases = cases(&samples);
        assert_eq!(cases[0].reason.as_deref(), Some("1 more reply came than messages were sent"));
        for case in &cases {
            assert_eq!(case.state, CaseState::Invalid, "{}", case.path);
            for metric in &case.metrics {
                assert_eq!((metric.value, metric.status), (None, MetricStatus::Invalid), "{}", metric.name);
            }
        }
    }

    #[test]
    fn interrupted_or_lossy_breakdown_is_partial() {
        let broken = || CaseEnd::Broken(BridgeError::Closed { mid_line: false });
        for (end, surplus, state) in [
            (CaseEnd::Interrupted, 0, CaseState::Interrupted),
            (broken(), 0, CaseState::Lossy),
            (CaseEnd::Complete, 2, CaseState::Lossy),
        ] {
            let cases = cases(&AckSamples { end, surplus, ..planted::samples(true) });
            for case in cases {
                assert_eq!((case.state, case.metric("p50").unwrap().status), (state, MetricStatus::Partial));
            }
        }
        let failed = cases(&AckSamples { end: broken(), exchanges: Vec::new(), ..planted::samples(true) });
        assert_eq!(failed[0].state, CaseState::Failed);
    }
}
