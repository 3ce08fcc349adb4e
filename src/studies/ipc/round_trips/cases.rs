//! From round trips to the cases of the record.

use std::time::Duration;

use serde_json::json;

use super::super::super::study::{CaseHistogram, HistogramPart};
use super::findings::{MeasuredCase, annotate};
use super::study::{ConnectionFault, LoopSamples, RoundTripSamples};
use crate::bridge::FaultKind;
use crate::clock::ms;
use crate::measure::{Load, case_state, metrics};
use crate::plan::{IpcPlan, RoundTripsPlan};
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::median;

/// The warning if only the socket thread answers.
const PAUSED: &str = "received replies arrive but applied ones do not: Unity's main thread is paused. Workly's project \
    leaves runInBackground off, so Unity pauses when another window has the focus: keep its window in the foreground \
    while measuring, or set Application.runInBackground (the drop-in bridge in scripts/unity does)";

impl RoundTripSamples {
    /// The measurements with their cases of the plan, in the order of the run.
    pub(super) fn with_plans<'a>(&'a self, study: &'a RoundTripsPlan) -> Vec<MeasuredCase<'a>> {
        self.measured.iter().map(|measured| (&study.cases[measured.place], &measured.trips)).collect()
    }
}

/// The cases so far, in the order of the plan. Notes across cases are added once all have been measured.
pub(super) fn cases(plan: &IpcPlan, study: &RoundTripsPlan, samples: &RoundTripSamples, has_ended: bool) -> Vec<Case> {
    let measured = samples.measured.iter().map(|measured| (measured.place, measured_case(plan, study, measured)));
    let blocked = samples.blocked.iter().map(|(place, obstacle)| (*place, unmeasured(plan, study, *place, obstacle)));
    let mut placed: Vec<(usize, Case)> = measured.chain(blocked).collect();
    placed.sort_by_key(|(place, _)| *place);
    let mut cases: Vec<Case> = placed.into_iter().map(|(_, case)| case).collect();
    if has_ended {
        annotate(&mut cases, &samples.with_plans(study));
    }
    cases
}

/// The record of a case that was not started.
fn unmeasured(plan: &IpcPlan, study: &RoundTripsPlan, place: usize, obstacle: &ConnectionFault) -> Case {
    let case = &study.cases[place];
    Case {
        path: case.path.clone(),
        state: CaseState::NotMeasured,
        reason: Some(obstacle.reason()),
        duration_s: 0.0,
        conditions: json!({
            "ack": case.ack,
            "load": case.load,
            "size_bytes": case.size_bytes,
            "messages": plan.messages,
            "place_in_plan": place,
        }),
        notes: Vec::new(),
        metrics: vec![Metric::absent("p50", "ms", 0, Direction::Lower, MetricStatus::NotMeasured)],
        histograms: Vec::new(),
    }
}

/// The record of a measured case, on its own.
pub(super) fn measured_case(plan: &IpcPlan, study: &RoundTripsPlan, measured: &LoopSamples) -> Case {
    let (case, trips) = (&study.cases[measured.place], &measured.trips);
    let (state, reason) = case_state(trips, plan.bridge.dialect.ids);
    Case {
        path: case.path.clone(),
        state,
        reason,
        duration_s: trips.duration_ns as f64 / 1e9,
        conditions: json!({
            "ack": case.ack,
            "load": case.load,
            "size_bytes": case.size_bytes,
            "messages": plan.messages,
            "sent": trips.sent,
            "warm_up": trips.warm_up_ns.len(),
            "warm_up_median_ms": median(&trips.warm_up_ns).map(ms),
            "place_in_plan": measured.place,
            "place_in_run": measured.position,
        }),
        notes: Vec::new(),
        metrics: metrics(trips, case.load == Load::Closed, state),
        histograms: Vec::new(),
    }
}

/// Latencies of all cases with valid figures, with the warm-up and send lateness.
pub(super) fn histograms(plan: &IpcPlan, study: &RoundTripsPlan, samples: &RoundTripSamples) -> Vec<CaseHistogram> {
    let of_case = |measured: &LoopSamples| {
        let trips = &measured.trips;
        if !case_state(trips, plan.bridge.dialect.ids).0.has_figures() {
            return None;
        }
        let series = [(None, &trips.latency_ns), (Some("warm_up"), &trips.warm_up_ns)];
        let parts = series.into_iter().chain([(Some("send_lateness"), &trips.lateness_ns)]);
        let parts = parts.filter(|(tag, samples_ns)| tag.is_none() || !samples_ns.is_empty());
        let part = |(tag, samples_ns): (Option<&'static str>, &Vec<u64>)| HistogramPart {
            tag,
            samples_ns: samples_ns.clone(),
            start: Duration::from_nanos(measured.began_ns),
            duration: Duration::from_nanos(trips.duration_ns),
        };
        let case = study.cases[measured.place].path.clone();
        Some(CaseHistogram { case, quantity: "latency", parts: parts.map(part).collect() })
    };
    samples.measured.iter().filter_map(of_case).collect()
}

/// Why cases were incomplete.
pub(super) fn faults(plan: &IpcPlan, samples: &RoundTripSamples) -> Vec<FaultKind> {
    let measured = samples.measured.iter().filter_map(|measured| {
        if case_state(&measured.trips, plan.bridge.dialect.ids).0 == CaseState::Ok {
            return None;
        }
        let by_obstacle = measured.obstacle.as_ref().filter(|obstacle| **obstacle == ConnectionFault::Paused);
        by_obstacle.map(ConnectionFault::kind).or(measured.trips.fault_kind())
    });
    measured.chain(samples.blocked.iter().map(|(_, obstacle)| obstacle.kind())).collect()
}

/// The warning about a case during which Unity's main thread paused.
pub(super) fn paused_warning(study: &RoundTripsPlan, measured: &LoopSamples) -> Option<String> {
    let is_paused = measured.obstacle == Some(ConnectionFault::Paused);
    is_paused.then(|| format!("{}: {PAUSED}", study.cases[measured.place].path))
}

impl ConnectionFault {
    /// Why a case was not measured.
    fn reason(&self) -> String {
        match self {
            Self::Interrupted => "interrupted before it was measured".into(),
            Self::Gone { cause, .. } => format!("the bridge no longer answers ({cause})"),
            Self::Paused => PAUSED.into(),
        }
    }

    fn kind(&self) -> FaultKind {
        match self {
            Self::Interrupted => FaultKind::Interrupted,
            Self::Gone { kind, .. } => *kind,
            Self::Paused => FaultKind::MainThreadPaused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::planted::{plan, study};
    use super::*;
    use crate::bridge::BridgeError;
    use crate::measure::planted::trips;
    use crate::measure::{CaseEnd, RoundTrips};
    use crate::plan::IpcStudy;

    /// *Received* and *applied* replies, closed loop and fixed rate: four cases.
    fn planned() -> (IpcPlan, RoundTripsPlan) {
        let plan = plan("--load closed --load fixed:10 --messages 40");
        let study = study(&plan, |study| if let IpcStudy::RoundTrips(study) = study { Some(study) } else { None });
        (plan, study)
    }

    fn sampled(place: usize, position: usize, trips: RoundTrips) -> LoopSamples {
        LoopSamples { place, position, began_ns: 1_000_000_000 * place as u64, trips, obstacle: None }
    }

    fn no_reply() -> BridgeError {
        BridgeError::NoReply { waited: Duration::from_secs(1) }
    }

    /// A case without any reply.
    fn silent() -> RoundTrips {
        RoundTrips { end: CaseEnd::Broken(no_reply()), ..trips(Vec::new()) }
    }

    #[test]
    fn cases_are_in_plan_order() {
        let (plan, study) = planned();
        let one = |place, position| sampled(place, position, trips(vec![2_000_000; 40]));
        let samples = RoundTripSamples {
            measured: vec![one(3, 0), one(0, 1)],
            blocked: vec![(2, ConnectionFault::Interrupted), (1, ConnectionFault::Interrupted)],
        };
        let cases = cases(&plan, &study, &samples, true);
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(
            paths,
            ["received/closed/100B", "received/fixed:10/100B", "applied/closed/100B", "applied/fixed:10/100B"]
        );
        for (place, case) in cases.iter().enumerate() {
            assert_eq!(case.conditions["place_in_plan"], json!(place));
        }
        assert_eq!(
            (&cases[0].conditions["place_in_run"], &cases[3].conditions["place_in_run"]),
            (&json!(1), &json!(0))
        );
        assert_eq!((cases[0].state, cases[0].metric("p50").unwrap().value), (CaseState::Ok, Some(2.0)));
        assert_eq!(cases[1].state, CaseState::NotMeasured);
        assert_eq!(cases[1].reason.as_deref(), Some("interrupted before it was measured"));
        assert_eq!(cases[1].metric("p50").unwrap().status, MetricStatus::NotMeasured);
    }

    #[test]
    fn cross_case_notes_appear_after_the_run() {
        let (plan, study) = planned();
        let samples =
            RoundTripSamples { measured: vec![sampled(3, 0, trips(vec![2_000_000; 40]))], blocked: Vec::new() };
        assert_eq!(cases(&plan, &study, &samples, false)[0].notes, Vec::<String>::new());
        let note = "Aliasing was not checked: without a warm-up the frame period is not known.";
        assert_eq!(cases(&plan, &study, &samples, true)[0].notes, [note]);
    }

    #[test]
    fn silent_bridge_fails_its_case_and_blocks_the_others() {
        let (plan, study) = planned();
        let gone = ConnectionFault::Gone { cause: no_reply().to_string(), kind: FaultKind::Late };
        let broken = LoopSamples { obstacle: Some(gone.clone()), ..sampled(0, 0, silent()) };
        let samples = RoundTripSamples { measured: vec![broken], blocked: vec![(1, gone)] };
        let cases = cases(&plan, &study, &samples, true);
        assert_eq!((cases[0].state, cases[0].reason.as_deref()), (CaseState::Failed, Some("no reply within 1s")));
        assert_eq!(cases[1].reason.as_deref(), Some("the bridge no longer answers (no reply within 1s)"));
        assert_eq!(faults(&plan, &samples), [FaultKind::Late, FaultKind::Late]);
        assert!(histograms(&plan, &study, &samples).is_empty());
        assert_eq!(samples.measured.iter().find_map(|measured| paused_warning(&study, measured)), None);
    }

    /// A longer timeout would not help; bringing Unity's window to the front does.
    #[test]
    fn paused_main_thread_has_its_own_fault_kind() {
        let (plan, study) = planned();
        let paused = LoopSamples { obstacle: Some(ConnectionFault::Paused), ..sampled(2, 0, silent()) };
        let samples = RoundTripSamples { measured: vec![paused], blocked: vec![(3, ConnectionFault::Paused)] };
        assert_eq!(faults(&plan, &samples), [FaultKind::MainThreadPaused; 2]);
        let warning = paused_warning(&study, &samples.measured[0]).unwrap();
        assert!(warning.starts_with("applied/closed/100B: received replies arrive"), "{warning}");
        assert!(cases(&plan, &study, &samples, true)[1].reason.as_ref().unwrap().contains("main thread is paused"));
    }

    #[test]
    fn surplus_replies_invalidate_the_case_and_its_histogram() {
        let (plan, study) = planned();
        let surplus = RoundTrips { surplus: 1, ..trips(vec![2_000_000; 40]) };
        let samples = RoundTripSamples { measured: vec![sampled(0, 0, surplus)], blocked: Vec::new() };
        assert_eq!(cases(&plan, &study, &samples, true)[0].state, CaseState::Invalid);
        assert_eq!(faults(&plan, &samples), [FaultKind::Surplus]);
        assert!(histograms(&plan, &study, &samples).is_empty());
    }

    #[test]
    fn histogram_starts_with_its_case_and_separates_warm_up_and_lateness() {
        let (plan, study) = planned();
        let measured = RoundTrips { warm_up_ns: vec![5], lateness_ns: vec![7; 40], ..trips(vec![2_000_000; 40]) };
        let samples = RoundTripSamples {
            measured: vec![sampled(3, 0, measured), sampled(0, 1, trips(vec![1; 40]))],
            blocked: Vec::new(),
        };
        let histograms = histograms(&plan, &study, &samples);
        assert_eq!((histograms[0].case.as_str(), histograms[0].quantity), ("applied/fixed:10/100B", "latency"));
        let parts: Vec<_> = histograms[0].parts.iter().map(|part| (part.tag, part.samples_ns.len())).collect();
        assert_eq!(parts, [(None, 40), (Some("warm_up"), 1), (Some("send_lateness"), 40)]);
        for part in &histograms[0].parts {
            assert_eq!((part.start, part.duration), (Duration::from_secs(3), Duration::from_millis(80)));
        }
        assert_eq!(histograms[1].parts.len(), 1, "without warm-up and schedule");
    }
}
