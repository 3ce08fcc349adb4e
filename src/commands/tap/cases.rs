//! The account of a tap as cases of a record.

use std::iter;
use std::time::Duration;

use serde_json::json;

use crate::bridge::Ack;
use crate::failure::Failure;
use crate::measure::{TapAccount, Traffic, latency_metrics};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, HlogPart, Metric, MetricStatus};
use crate::report::with_interval;
use crate::stats::{Reservoir, Summary, histogram_of};
use crate::studies::Recorder;

/// A case, the times behind it in nanoseconds, and what they are times of.
pub(super) struct TapCase {
    case: Case,
    times_ns: Vec<u64>,
    quantity: &'static str,
}

/// Everything that was seen, as cases: reply times, pauses between messages, and what the tap itself added.
pub(super) fn cases(account: &TapAccount) -> Vec<TapCase> {
    let mut cases = Vec::new();
    for (ack, times_ns) in &account.replies_ns {
        let (path, note) = match ack {
            Some(Ack::Received) => ("reply/received", "from the request to the reply, both as they passed the tap"),
            Some(Ack::Applied) => ("reply/applied", "likewise; includes the wait for Unity's frame"),
            None => ("reply/unknown", "replies of commands whose thread is not known"),
        };
        cases.push(case(path, "latency", times_ns, note));
    }
    for (side, traffic) in [("app", &account.app), ("unity", &account.unity)] {
        let note = "from each message of this side to its next";
        let mut pauses = case(&format!("inter_arrival/{side}"), "inter_arrival", &traffic.gaps_ns, note);
        pauses.case.metrics.extend(counts(traffic));
        pauses.case.conditions = json!({"names": traffic.names});
        cases.push(pauses);
        let note =
            "from the read that completed a message to the end of the write: what the tap added, its own wake-up apart";
        cases.push(case(&format!("held/{side}"), "held", &traffic.held_ns, note));
    }
    for (name, count) in
        [("unassigned", account.unassigned), ("unasked", account.unasked), ("unanswered", account.unanswered)]
    {
        let metric = Metric::plain(name, "count", count as f64, account.unity.messages, Direction::None);
        if let Some(inter_arrival) = cases.iter_mut().find(|case| case.case.path == "inter_arrival/unity") {
            inter_arrival.case.metrics.push(metric);
        }
    }
    cases
}

fn case(path: &str, quantity: &'static str, times_ns: &Reservoir, note: &str) -> TapCase {
    let mut metrics = latency_metrics(&Summary::of(times_ns.values()), true);
    if quantity != "latency" {
        // When the application speaks is its own affair, and no better for being sooner.
        for metric in &mut metrics {
            metric.direction = Direction::None;
        }
    }
    let case = Case {
        path: path.into(),
        state: CaseState::Ok,
        reason: None,
        duration_s: times_ns.sum() as f64 / 1e9,
        conditions: json!({}),
        notes: iter::once(format!("{}.", capitalised(note))).chain(sampled(times_ns)).collect(),
        metrics,
        histograms: Vec::new(),
    };
    TapCase { case, times_ns: times_ns.values().to_vec(), quantity }
}

/// Said of a series that was too long to be kept whole.
fn sampled(times_ns: &Reservoir) -> Option<String> {
    let kept = times_ns.values().len() as u64;
    (kept < times_ns.seen()).then(|| {
        format!("Figures of a random sample of {kept} of {} times: more are not kept in memory.", times_ns.seen())
    })
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Messages, bytes and sizes of one side.
fn counts(traffic: &Traffic) -> Vec<Metric> {
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

/// Writes a case with its histogram.
pub(super) fn add(recorder: &mut Recorder, tapped: TapCase) -> Result<(), Failure> {
    let TapCase { mut case, times_ns, quantity } = tapped;
    if !times_ns.is_empty() {
        let histogram = histogram_of(&times_ns);
        let duration = Duration::from_secs_f64(case.duration_s);
        let part = HlogPart { tag: None, histogram: &histogram, start: Duration::ZERO, duration };
        case.histograms.push(recorder.histograms(&case, quantity, &[part])?);
    }
    Ok(recorder.add(case)?)
}

/// What was seen, in a few sentences.
pub(super) fn findings(account: &TapAccount) -> Vec<String> {
    let mut findings = vec![format!(
        "{} of the application and {} of Unity, over {}.",
        counted(account.app.messages, "message"),
        account.unity.messages,
        counted(account.connections, "connection")
    )];
    let median = |times_ns: &[u64]| {
        latency_metrics(&Summary::of(times_ns), true).into_iter().find(|metric| metric.name == "p50")
    };
    for (ack, times_ns) in &account.replies_ns {
        let kind = ack.map_or_else(|| "of unknown kind".to_owned(), |ack| ack.to_string());
        if let Some(p50) = median(times_ns.values()).filter(|p50| p50.value.is_some()) {
            findings.push(format!("Replies {kind}: p50 {} (n {}).", with_interval(&p50), p50.n));
        }
    }
    if account.unassigned > 0 {
        findings.push(format!(
            "{} came while requests of both kinds waited: which request each answers cannot be known.",
            counted(account.unassigned, "bare reply")
        ));
    }
    findings
}
