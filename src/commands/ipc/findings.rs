//! What the cases say together: locks, aliases, late sends. In words, as notes on the case that they concern.

use crate::bridge::Ack;
use crate::clock::ms;
use crate::measure::{Load, RoundTrips, aliases, client_limited, frame_lock};
use crate::plan::IpcCase;
use crate::record::{Case, Metric};
use crate::report::with_interval;

/// What the round comes to: the delay of a lone command, received and applied, and the wait for the frame between them.
///
/// Only open loops tell; a closed loop on applied replies shows the frame period.
pub(super) fn headline(cases: &[Case]) -> Vec<String> {
    let mean_of = |ack: Ack, load: &str| {
        let size = |case: &&Case| case.path.starts_with(&format!("{ack}/{load}/"));
        cases.iter().find(size)?.metric("mean").filter(|mean| mean.status.is_given())
    };
    let mut loads: Vec<&str> = cases.iter().filter_map(|case| case.path.split('/').nth(1)).collect();
    loads.dedup();
    let Some((load, received, applied)) = loads
        .into_iter()
        .filter(|load| *load != "closed")
        .find_map(|load| Some((load, mean_of(Ack::Received, load)?, mean_of(Ack::Applied, load)?)))
    else {
        return Vec::new();
    };
    let mut findings = vec![format!(
        "On average, a command is received after {} and applied after {} ({load} a second, n {} and {}).",
        with_interval(received),
        with_interval(applied),
        received.n,
        applied.n
    )];
    findings.extend(
        difference(applied, received)
            .map(|wait| format!("The difference, {}, is the wait for Unity's frame.", with_interval(&wait))),
    );
    findings
}

/// The difference of two means; its interval from both of theirs, as for independent samples.
fn difference(of: &Metric, from: &Metric) -> Option<Metric> {
    let value = of.value? - from.value?;
    let half = |metric: &Metric| Some((metric.ci_high? - metric.ci_low?) / 2.0);
    let half = half(of)?.hypot(half(from)?);
    let interval = Metric { ci_low: Some(value - half), ci_high: Some(value + half), ..of.clone() };
    Some(Metric { value: Some(value), spread: None, ..interval })
}

/// Adds the notes to `cases`.
pub(super) fn annotate(cases: &mut [Case], measured: &[(IpcCase, RoundTrips)]) {
    for case in cases {
        let Some((plan, trips)) = measured.iter().find(|(plan, _)| plan.path == case.path) else { continue };
        case.notes.extend(size_note(plan));
        case.notes.extend(lock_note(plan, trips, measured));
        case.notes.extend(alias_note(plan, measured));
        case.notes.extend(lateness_note(trips));
    }
}

fn size_note(case: &IpcCase) -> Option<String> {
    (case.size_bytes > case.asked_bytes).then(|| {
        format!("Asked for {} B; the smallest command of this kind takes {} B.", case.asked_bytes, case.size_bytes)
    })
}

fn lock_note(case: &IpcCase, trips: &RoundTrips, measured: &[(IpcCase, RoundTrips)]) -> Option<String> {
    let is_poisson =
        |other: &&(IpcCase, RoundTrips)| other.0.ack == case.ack && matches!(other.0.load, Load::Poisson { .. });
    if case.load != Load::Closed {
        return None;
    }
    let (poisson, poisson_trips) = measured.iter().find(is_poisson)?;
    let period_ns = frame_lock(&trips.latency_ns, &poisson_trips.latency_ns)?;
    Some(format!(
        "Locked onto the frame: each message meets the start of a frame and waits for the next, so this is the frame \
         period ({:.1} a second), not what a lone command waits. That is {}.",
        1e3 / ms(period_ns),
        poisson.path
    ))
}

/// The frame period comes from the warm-up, which is a closed loop and so takes one frame a message.
fn alias_note(case: &IpcCase, measured: &[(IpcCase, RoundTrips)]) -> Option<String> {
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
    let period_ns = *warm_up_ns.get(warm_up_ns.len() / 2)?;
    let moments = aliases(rate_per_s, period_ns)?;
    Some(format!(
        "Aliased: {rate_per_s} a second against frames of about {:.1} a second meets only {moments} moment(s) of the \
         frame, so these figures depend on the chance of the start. Use poisson:{rate_per_s}.",
        1e3 / ms(period_ns)
    ))
}

fn lateness_note(trips: &RoundTrips) -> Option<String> {
    let (late_ns, p50_ns) = client_limited(&trips.latency_ns, &trips.lateness_ns)?;
    Some(format!(
        "Client-limited: sends were up to {:.3} ms late (99th percentile) against a median of {:.3} ms, so part of the \
         latency is this machine's scheduling.",
        ms(late_ns),
        ms(p50_ns)
    ))
}
