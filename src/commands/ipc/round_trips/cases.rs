//! Measures the cases of the round, in an order of its own, and keeps each as it ends.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use super::super::session::Session;
use super::findings::{annotate, headline};
use crate::bridge::{Ack, BridgeError};
use crate::clock::ms;
use crate::failure::Failure;
use crate::measure::{End, Load, RoundTrips, case_state, measure_case, metrics};
use crate::plan::{IpcCase, RoundTripsPlan};
use crate::record::{Case, CaseState, Direction, HistogramFiles, HlogPart, Metric, MetricStatus};
use crate::report;
use crate::stats::histogram_of;
use crate::term::Progress;

/// Measures the round, and says what its cases come to.
pub(in super::super) fn run(session: &mut Session<'_>, study: &RoundTripsPlan) -> Result<(), Failure> {
    let mut round = Round { session, study, measured: Vec::new() };
    round.measure()?;
    let Round { measured, .. } = round;
    let run = &mut session.recorder.run;
    annotate(&mut run.cases, &measured);
    run.findings = headline(&run.cases, &measured);
    Ok(())
}

/// The round under way.
struct Round<'a, 's> {
    session: &'a mut Session<'s>,
    study: &'a RoundTripsPlan,
    /// Round trips by case, for what can only be seen across cases.
    measured: Vec<(IpcCase, RoundTrips)>,
}

/// Why the cases that follow cannot be measured.
#[derive(Debug, Clone)]
enum Obstacle {
    /// Ctrl-C.
    Interrupted,
    /// Nothing answers any more.
    Gone(String),
    /// The socket thread answers, the main thread does not.
    Paused,
}

impl Round<'_, '_> {
    /// Measures all cases, in random order so that drift cannot pass for a difference between them.
    fn measure(&mut self) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..self.study.cases.len()).collect();
        order.shuffle(&mut StdRng::seed_from_u64(self.session.plan.seed));
        let mut obstacle = None;
        for (position, index) in order.into_iter().enumerate() {
            let case = &self.study.cases[index];
            if self.session.ends_here() {
                obstacle = Some(Obstacle::Interrupted);
            }
            if let Some(reason) = obstacle.as_ref().and_then(|obstacle| obstacle.blocks(case)) {
                self.session.recorder.add(self.unmeasured(case, index, reason))?;
                continue;
            }
            self.session.connection.is_clean = false;
            let trips = self.measure_one(case, position, index)?;
            self.session.connection.is_clean = matches!(trips.end, End::Complete | End::Interrupted);
            obstacle = self.obstacle_after(case, &trips).or(obstacle);
            self.measured.push((case.clone(), trips));
        }
        Ok(())
    }

    fn measure_one(&mut self, case: &IpcCase, position: usize, index: usize) -> Result<RoundTrips, Failure> {
        let label = format!("{}/{} {}", position + 1, self.study.cases.len(), case.path);
        let progress = Progress::start(self.session.printer, &label, self.session.plan.messages as u64);
        let mut message = self.session.plan.message(case.ack, case.size_bytes);
        let counts = (self.session.plan.warm_up, self.session.plan.messages);
        let seed = self.session.plan.seed.wrapping_add(index as u64 + 1);
        let began_ns = self.session.clock.now_ns();
        let (client, bench) = self.session.bench(progress.counter());
        let trips = measure_case(client, &mut message, case.load, counts, seed, bench);
        let mut record = self.describe(case, position, index, &trips);
        if record.metric("p50").is_some_and(|p50| p50.status != MetricStatus::Invalid) {
            let files = self.write_histograms(&record, &trips, Duration::from_nanos(began_ns))?;
            record.histograms.push(files);
        }
        progress.finish(&format!("{label}: {}", report::case_line(&record)));
        self.session.recorder.add(record)?;
        Ok(trips)
    }

    fn write_histograms(&self, case: &Case, trips: &RoundTrips, began: Duration) -> Result<HistogramFiles, Failure> {
        let total = histogram_of(&trips.latency_ns);
        let duration = Duration::from_nanos(trips.duration_ns);
        let warm_up = histogram_of(&trips.warm_up_ns);
        let lateness = histogram_of(&trips.lateness_ns);
        let mut parts = vec![HlogPart { tag: None, histogram: &total, start: began, duration }];
        for (tag, histogram) in [("warm_up", &warm_up), ("send_lateness", &lateness)] {
            if !histogram.is_empty() {
                parts.push(HlogPart { tag: Some(tag), histogram, start: began, duration });
            }
        }
        Ok(self.session.recorder.histograms(case, "latency", &parts)?)
    }

    /// The record of a case that was not begun.
    fn unmeasured(&self, case: &IpcCase, index: usize, reason: String) -> Case {
        Case {
            path: case.path.clone(),
            state: CaseState::NotMeasured,
            reason: Some(reason),
            duration_s: 0.0,
            conditions: json!({
                "ack": case.ack,
                "load": case.load,
                "size_bytes": case.size_bytes,
                "messages": self.session.plan.messages,
                "place_in_plan": index,
            }),
            notes: Vec::new(),
            metrics: vec![Metric::absent("p50", "ms", 0, Direction::Lower, MetricStatus::NotMeasured)],
            histograms: Vec::new(),
        }
    }

    fn describe(&self, case: &IpcCase, position: usize, index: usize, trips: &RoundTrips) -> Case {
        let (state, reason) = case_state(trips, self.session.plan.dialect.ids);
        Case {
            path: case.path.clone(),
            state,
            reason,
            duration_s: trips.duration_ns as f64 / 1e9,
            conditions: json!({
                "ack": case.ack,
                "load": case.load,
                "size_bytes": case.size_bytes,
                "messages": self.session.plan.messages,
                "sent": trips.sent,
                "warm_up": trips.warm_up_ns.len(),
                "warm_up_median_ms": median_ms(&trips.warm_up_ns),
                "place_in_plan": index,
                "place_in_run": position,
            }),
            notes: Vec::new(),
            metrics: metrics(trips, case.load == Load::Closed, state),
            histograms: Vec::new(),
        }
    }

    /// What a case that broke means for those that follow.
    fn obstacle_after(&mut self, case: &IpcCase, trips: &RoundTrips) -> Option<Obstacle> {
        match &trips.end {
            End::Complete => None,
            End::Interrupted => Some(Obstacle::Interrupted),
            End::Broken(error) => {
                if !self.session.connection.is_alive(self.session.plan, self.session.stop) {
                    return Some(Obstacle::Gone(trips.cause(error)));
                }
                // Only a reply of the socket thread can tell that it is the main thread which is silent.
                let has_both = self.session.plan.dialect.probe(Ack::Received).is_some();
                let silent = matches!(error, BridgeError::NoReply { .. }) && has_both;
                (case.ack == Ack::Applied && silent).then(|| {
                    self.session.recorder.run.warnings.push(format!("{}: {PAUSED}", case.path));
                    Obstacle::Paused
                })
            }
        }
    }
}

/// What it means when only the socket thread answers.
const PAUSED: &str = "received replies flow while applied ones do not: Unity's main thread is paused. Workly's project leaves \
                      runInBackground off, so Unity pauses when another window has the focus: keep its window in front while \
                      you measure, or set Application.runInBackground (the drop-in bridge in scripts/unity does)";

impl Obstacle {
    /// Why `case` is not measured, if this keeps it from being so.
    fn blocks(&self, case: &IpcCase) -> Option<String> {
        match self {
            Self::Interrupted => Some("interrupted before its turn".into()),
            Self::Gone(error) => Some(format!("the bridge no longer answers ({error})")),
            Self::Paused if case.ack == Ack::Applied => Some(PAUSED.into()),
            Self::Paused => None,
        }
    }
}

fn median_ms(samples_ns: &[u64]) -> Option<f64> {
    let mut sorted_ns = samples_ns.to_vec();
    sorted_ns.sort_unstable();
    (!sorted_ns.is_empty()).then(|| ms(crate::stats::nearest_rank(&sorted_ns, 0.5)))
}
