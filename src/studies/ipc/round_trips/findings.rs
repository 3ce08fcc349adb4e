//! Findings across cases: frame lock, aliasing, send lateness; added as notes to the case concerned.

use crate::bridge::Ack;
use crate::clock::ms;
use crate::measure::{
    HeldReplies, Load, OpenRoundTrips, REMEDY, RoundTrips, aliases, client_limited, frame_lock, growing_queue,
    held_replies, periodicity, received_signature, uniformity_p,
};
use crate::plan::IpcCase;
use crate::plural::counted;
use crate::record::{Case, Metric, MetricStatus};
use crate::report::with_interval;

/// A case of the plan with its round trips.
pub(super) type MeasuredCase<'a> = (&'a IpcCase, &'a RoundTrips);

/// The main findings: the latency of a lone command, received and applied, and their difference.
///
/// Only complete Poisson cases are used: a closed loop shows the frame period, a fixed rate depends on when it started,
/// and an incomplete case cannot be trusted.
pub(super) fn headline(cases: &[Case], measured: &[MeasuredCase<'_>]) -> Vec<String> {
    let poisson = |ack: Ack| {
        let is_it = |other: &&MeasuredCase<'_>| other.0.ack == ack && matches!(other.0.load, Load::Poisson { .. });
        let (plan, _) = measured.iter().find(is_it)?;
        let mean = cases.iter().find(|case| case.path == plan.path)?.metric("mean")?;
        (mean.status == MetricStatus::Ok).then_some((plan.load, mean))
    };
    let (Some((load, received)), Some((_, applied))) = (poisson(Ack::Received), poisson(Ack::Applied)) else {
        return Vec::new();
    };
    let mut findings = vec![format!(
        "On average, a command is received after {} and applied after {} ({load}, n {} and {}).",
        with_interval(received),
        with_interval(applied),
        received.n,
        applied.n
    )];
    findings.extend(difference(applied, received).map(|wait| {
        let mut between = with_interval(&wait);
        if wait.ci_low.is_none() {
            between += " (too skewed for an interval)";
        }
        let period_ms = frame_period_ms(measured);
        if let Some(held) = applied_poisson(measured).and_then(|(_, trips)| held(trips)) {
            return format!("The difference, {between}, is {}.", held_and_frame(&held, period_ms));
        }
        match period_ms.filter(|period_ms| wait.value.is_some_and(|wait_ms| wait_ms <= *period_ms)) {
            Some(period_ms) => format!(
                "The difference, {between}, is the wait for Unity's frame: at {:.1} frames per second, {:.3} ms on \
                 average.",
                1e3 / period_ms,
                period_ms / 2.0
            ),
            None => format!("The difference, {between}, is queue, wait for the frame, and work."),
        }
    }));
    findings
}

/// The difference when replies were held: late replies on top of the frame wait, with the fix.
fn held_and_frame(held: &HeldReplies, period_ms: Option<f64>) -> String {
    let frame = period_ms.map_or_else(
        || "the wait for Unity's frame".to_owned(),
        |period_ms| {
            let (per_s, wait_ms) = (1e3 / period_ms, period_ms / 2.0);
            format!("the wait for Unity's frame ({wait_ms:.3} ms on average at {per_s:.1} frames per second)")
        },
    );
    let others = if held.other_mean_ns.is_nan() {
        String::new()
    } else {
        format!(", others {:.2} ms", held.other_mean_ns / 1e6)
    };
    format!(
        "{frame} and held replies: {:.0} % of the applied replies were held until the previous one was acknowledged \
         (Nagle's algorithm with delayed acknowledgement) and took {:.2} ms on average{others}. {}",
        held.share() * 100.0,
        held.held_mean_ns / 1e6,
        REMEDY.trim_end_matches('.')
    )
}

/// The first case with *applied* replies under Poisson load.
fn applied_poisson<'a>(measured: &[MeasuredCase<'a>]) -> Option<MeasuredCase<'a>> {
    measured.iter().copied().find(|(plan, _)| plan.ack == Ack::Applied && matches!(plan.load, Load::Poisson { .. }))
}

/// The held replies of an open loop, if any.
fn held(trips: &RoundTrips) -> Option<HeldReplies> {
    let RoundTrips { due_ns, lateness_ns, latency_ns, .. } = trips;
    held_replies(OpenRoundTrips { due_ns, lateness_ns, latency_ns })
}

/// Round trips whose replies were not held, which show frames and queue.
fn unheld_ns(trips: &RoundTrips) -> Vec<u64> {
    held(trips).map_or_else(|| trips.latency_ns.clone(), |held| held.others(&trips.latency_ns))
}

/// The frame period from *applied* replies, if closed loop and Poisson load agree.
fn frame_period_ms(measured: &[MeasuredCase<'_>]) -> Option<f64> {
    let is_closed = |other: &&MeasuredCase<'_>| other.0.ack == Ack::Applied && other.0.load == Load::Closed;
    let (_, closed) = measured.iter().find(is_closed)?;
    let (_, poisson) = applied_poisson(measured)?;
    frame_lock(&closed.latency_ns, &unheld_ns(poisson)).map(ms)
}

/// The difference of two means, with an interval from both (as for independent samples) if both have one.
fn difference(of: &Metric, from: &Metric) -> Option<Metric> {
    let value = of.value? - from.value?;
    let half = |metric: &Metric| Some((metric.ci_high? - metric.ci_low?) / 2.0);
    let half = half(of).zip(half(from)).map(|(of, from)| of.hypot(from));
    let interval = half.map(|half| (value - half, value + half));
    Some(Metric { value: Some(value), spread: None, ..of.clone().with_interval(interval) })
}

/// Adds the notes to `cases`.
pub(super) fn annotate(cases: &mut [Case], measured: &[MeasuredCase<'_>]) {
    for case in cases {
        let Some((plan, trips)) = measured.iter().find(|(plan, _)| plan.path == case.path) else { continue };
        case.notes.extend(size_note(plan));
        case.notes.extend(lock_note(plan, trips, measured));
        case.notes.extend(alias_note(plan, measured));
        case.notes.extend(lateness_note(trips));
        case.notes.extend(frames_note(plan, trips));
        case.notes.extend(signature_notes(plan, trips));
    }
}

fn size_note(case: &IpcCase) -> Option<String> {
    (case.size_bytes > case.asked_bytes).then(|| {
        format!("Requested {} B; the smallest command of this kind has {} B.", case.asked_bytes, case.size_bytes)
    })
}

fn lock_note(case: &IpcCase, trips: &RoundTrips, measured: &[MeasuredCase<'_>]) -> Option<String> {
    if case.load != Load::Closed || case.ack != Ack::Applied || trips.latency_ns.is_empty() {
        return None;
    }
    let Some((poisson, poisson_trips)) = applied_poisson(measured) else {
        return Some(
            "A closed loop on applied replies shows the frame period, not the latency of a lone command: add --load \
             poisson:50 for that."
                .into(),
        );
    };
    let period_ns = frame_lock(&trips.latency_ns, &unheld_ns(poisson_trips))?;
    Some(format!(
        "Frame lock: each message arrives at the start of a frame and waits for the next, so this is the frame period \
         ({:.1} per second), not the latency of a lone command, which is {}.",
        1e3 / ms(period_ns),
        poisson.path
    ))
}

/// The frame period comes from the warm-up, a closed loop that takes one frame per message.
fn alias_note(case: &IpcCase, measured: &[MeasuredCase<'_>]) -> Option<String> {
    let Load::Fixed { rate_per_s } = case.load else { return None };
    if case.ack != Ack::Applied {
        return None;
    }
    let mut warm_up_ns: Vec<u64> = measured
        .iter()
        .filter(|other| other.0.ack == Ack::Applied)
        .flat_map(|other| other.1.warm_up_ns.clone())
        .collect();
    warm_up_ns.sort_unstable();
    let Some(&period_ns) = warm_up_ns.get(warm_up_ns.len() / 2) else {
        return Some("Aliasing was not checked: without a warm-up the frame period is not known.".into());
    };
    let moments = aliases(rate_per_s, period_ns)?;
    Some(format!(
        "Aliasing: at {rate_per_s} per second and about {:.1} frames per second, messages arrive at only {} of the \
         frame, so these figures depend on when the run began. Use poisson:{rate_per_s}.",
        1e3 / ms(period_ns),
        counted(moments, "moment")
    ))
}

/// Arrival of each reply of an open loop, in nanoseconds of the clock.
fn arrivals_ns(trips: &RoundTrips) -> Vec<u64> {
    trips.due_ns.iter().zip(&trips.latency_ns).map(|(due_ns, latency_ns)| due_ns + latency_ns).collect()
}

/// What *applied* replies at random times show about frames: period, jitter, uniformity of phases, and the delay beyond
/// the frame.
fn frames_note(case: &IpcCase, trips: &RoundTrips) -> Option<String> {
    if case.ack != Ack::Applied || !matches!(case.load, Load::Poisson { .. }) {
        return None;
    }
    let arrivals_ns = arrivals_ns(trips);
    // A held reply arrives when it is released, independent of frames.
    let frames = periodicity(&held(trips).map_or_else(|| arrivals_ns.clone(), |held| held.others(&arrivals_ns)))?;
    let p = uniformity_p(&trips.due_ns, frames.period_ns)?;
    let mean_ns = trips.latency_ns.iter().sum::<u64>() as f64 / trips.latency_ns.len() as f64;
    let floor_ns = frames.period_ns / 2.0;
    let met = if p < 0.01 { "unevenly, so these figures may not be those of a lone command" } else { "evenly" };
    Some(format!(
        "Frames: the replies have a period of {:.3} ms ({:.2} per second) with a jitter of {:.3} ms. Over that period, \
         messages arrived {met} (Rayleigh test, p = {p:.2}, n {}). Of {:.3} ms on average, the wait for the frame is \
         {:.3} ms, the remainder {:.3} ms.",
        frames.period_ns / 1e6,
        1e9 / frames.period_ns,
        frames.jitter_ns / 1e6,
        trips.due_ns.len(),
        mean_ns / 1e6,
        floor_ns / 1e6,
        (mean_ns - floor_ns) / 1e6
    ))
}

/// Recognised fault patterns in the round trips.
fn signature_notes(case: &IpcCase, trips: &RoundTrips) -> Vec<String> {
    if let Some(held) = held(trips) {
        // Their cluster at 40 ms would also match, and a backlog behind held replies is not a queue in the bridge.
        return vec![held.to_string()];
    }
    let received = (case.ack == Ack::Received)
        .then(|| received_signature(&trips.latency_ns, &arrivals_ns(trips), case.load == Load::Closed));
    let growing = (case.load != Load::Closed).then(|| growing_queue(&trips.latency_ns));
    [received.flatten(), growing.flatten()].into_iter().flatten().map(|signature| signature.to_string()).collect()
}

pub(in super::super) fn lateness_note(trips: &RoundTrips) -> Option<String> {
    let limit = client_limited(&trips.latency_ns, &trips.lateness_ns)?;
    Some(format!(
        "Client-limited: {} of the sends were at least {:.3} ms late, compared with a median latency of {:.3} ms, so \
         this machine's scheduling is part of the latency.",
        limit.share,
        ms(limit.late_ns),
        ms(limit.p50_ns)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::planted::{at_frames, nagled, ready};
    use crate::measure::{CaseEnd, case_state, metrics};

    const FRAME_NS: u64 = 16_667_000;
    const POISSON: Load = Load::Poisson { rate_per_s: 50.0 };

    /// A case with these round trips that ended as planned.
    fn measured(ack: Ack, load: Load, due_ns: &[u64], latency_ns: Vec<u64>) -> (IpcCase, RoundTrips) {
        let n = latency_ns.len() as u64;
        let plan = IpcCase { path: format!("{ack}/{load}/100B"), ack, load, size_bytes: 100, asked_bytes: 100 };
        let trips = RoundTrips {
            warm_up_ns: Vec::new(),
            due_ns: due_ns.to_vec(),
            lateness_ns: vec![0; due_ns.len()],
            latency_ns,
            sent: n,
            answered: n,
            in_flight: 0,
            lost: 0,
            garbled: 0,
            surplus: 0,
            unmatched: 0,
            duration_ns: 6_000_000_000,
            first_fault: None,
            first_fault_kind: None,
            end: CaseEnd::Complete,
        };
        (plan, trips)
    }

    fn record((plan, trips): &(IpcCase, RoundTrips)) -> Case {
        let (state, reason) = case_state(trips, false);
        Case {
            path: plan.path.clone(),
            state,
            reason,
            duration_s: 6.0,
            conditions: serde_json::Value::Null,
            notes: Vec::new(),
            metrics: metrics(trips, plan.load == Load::Closed, state),
            histograms: Vec::new(),
        }
    }

    /// Findings and notes of a run against a bridge with 60 frames per second; `nagle` holds its replies, and
    /// `hiccup_ns` delays the first *received* one.
    fn told(nagle: bool, hiccup_ns: u64) -> (Vec<String>, Vec<Case>) {
        let ready = ready(50.0, 7, at_frames(FRAME_NS));
        let due_ns: Vec<u64> = ready.iter().map(|(sent, _)| *sent).collect();
        let arrivals =
            if nagle { nagled(&ready, 40_000_000) } else { ready.iter().map(|(_, at)| at + 60_000).collect() };
        let applied = arrivals.iter().zip(&due_ns).map(|(arrived, due)| arrived - due).collect();
        let mut received: Vec<u64> = (0..300).map(|at| 100_000 + at * 37 % 1_000).collect();
        received[0] += hiccup_ns;
        let round = [
            measured(Ack::Received, POISSON, &due_ns, received),
            measured(Ack::Applied, Load::Closed, &[], (0..300).map(|at| FRAME_NS + at * 53 % 900).collect()),
            measured(Ack::Applied, POISSON, &due_ns, applied),
        ];
        let mut cases: Vec<Case> = round.iter().map(record).collect();
        let round: Vec<MeasuredCase<'_>> = round.iter().map(|(plan, trips)| (plan, trips)).collect();
        annotate(&mut cases, &round);
        (headline(&cases, &round), cases)
    }

    #[test]
    fn held_replies_are_named_with_the_fix_and_separated_from_frames() {
        let (findings, cases) = told(true, 0);
        let note = cases[2].notes.iter().find(|note| note.starts_with("Held replies")).expect("the planted pattern");
        assert!(note.contains("Nagle's algorithm") && note.contains("TCP_NODELAY"), "{note}");
        let headline = &findings[1];
        assert!(headline.contains("the wait for Unity's frame (8.33"), "{headline}");
        assert!(
            headline.contains("were held until the previous one") && headline.contains("TCP_NODELAY"),
            "{headline}"
        );
        assert!(!headline.contains("is queue, wait"), "{headline}");
        assert!(cases[1].notes.iter().any(|note| note.starts_with("Frame lock")), "{:?}", cases[1].notes);
        // The same bridge without Nagle's algorithm.
        let (findings, cases) = told(false, 0);
        assert!(findings[1].contains("is the wait for Unity's frame: at 60.0 frames per second"), "{findings:?}");
        assert!(cases.iter().flat_map(|case| &case.notes).all(|note| !note.starts_with("Held replies")), "{cases:?}");
    }

    /// A single late reply leaves the mean without an interval; held replies are reported nevertheless.
    #[test]
    fn skewed_mean_keeps_the_finding_about_the_difference() {
        let (findings, cases) = told(true, 200_000_000);
        assert_eq!(cases[0].metric("mean").unwrap().ci_low, None, "the planted outlier");
        assert!(findings[1].contains("ms (too skewed for an interval), is the wait"), "{findings:?}");
        assert!(findings[1].contains("were held until the previous one"), "{findings:?}");
    }
}
