//! Measures the cases of the plan, in an order of its own, and keeps each as it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use super::super::failure::Failure;
use super::super::recorder::Recorder;
use super::connection::Connection;
use crate::bridge::{Ack, BridgeError};
use crate::clock::{Clock, ms};
use crate::measure::{Bench, End, RoundTrips, case_state, measure_case, metrics};
use crate::plan::{IpcCase, IpcPlan};
use crate::record::{Case, CaseState, Direction, HistogramFiles, HlogPart, Metric, MetricStatus};
use crate::report;
use crate::stats::histogram_of;
use crate::term::{Printer, Progress};

/// What the cases share.
pub(super) struct Session<'a> {
    pub(super) plan: &'a IpcPlan,
    pub(super) printer: Printer,
    pub(super) stop: &'a AtomicBool,
    pub(super) connection: Connection,
    pub(super) recorder: Recorder,
    /// Round trips by case, for what can only be seen across cases.
    pub(super) measured: Vec<(IpcCase, RoundTrips)>,
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

impl Session<'_> {
    /// Measures all cases, in random order so that drift cannot pass for a difference between them.
    pub(super) fn measure(&mut self) -> Result<(), Failure> {
        let mut order: Vec<usize> = (0..self.plan.cases.len()).collect();
        order.shuffle(&mut StdRng::seed_from_u64(self.plan.seed));
        let clock = Clock::start();
        let mut obstacle = None;
        for (position, index) in order.into_iter().enumerate() {
            let case = &self.plan.cases[index];
            if self.stop.load(Ordering::Relaxed) {
                obstacle = Some(Obstacle::Interrupted);
            }
            if let Some(reason) = obstacle.as_ref().and_then(|obstacle| obstacle.blocks(case)) {
                self.recorder.add(self.unmeasured(case, index, reason))?;
                continue;
            }
            self.connection.is_clean = false;
            let trips = self.measure_one(case, position, index, &clock)?;
            self.connection.is_clean = matches!(trips.end, End::Complete | End::Interrupted);
            obstacle = self.obstacle_after(case, &trips).or(obstacle);
            self.measured.push((case.clone(), trips));
        }
        Ok(())
    }

    fn measure_one(
        &mut self,
        case: &IpcCase,
        position: usize,
        index: usize,
        clock: &Clock,
    ) -> Result<RoundTrips, Failure> {
        let label = format!("{}/{} {}", position + 1, self.plan.cases.len(), case.path);
        let progress = Progress::start(self.printer, &label, self.plan.messages as u64);
        let bench = Bench { clock, stop: self.stop, replies: progress.counter(), ids: self.plan.dialect.ids };
        let mut message = self.plan.message(case.ack, case.size_bytes);
        let counts = (self.plan.warm_up, self.plan.messages);
        let seed = self.plan.seed.wrapping_add(index as u64 + 1);
        let began_ns = clock.now_ns();
        let trips = measure_case(&mut self.connection.client, &mut message, case.load, counts, seed, bench);
        let mut record = self.describe(case, position, index, &trips);
        if record.metric("p50").is_some_and(|p50| p50.status != MetricStatus::Invalid) {
            let files = self.write_histograms(&record, &trips, Duration::from_nanos(began_ns))?;
            record.histograms.push(files);
        }
        progress.finish(&format!("{label}: {}", report::case_line(&record)));
        self.recorder.add(record)?;
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
        Ok(self.recorder.histograms(case, "latency", &parts)?)
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
                "messages": self.plan.messages,
                "place_in_plan": index,
            }),
            notes: Vec::new(),
            metrics: vec![Metric::absent("p50", "ms", 0, Direction::Lower, MetricStatus::NotMeasured)],
            histograms: Vec::new(),
        }
    }

    fn describe(&self, case: &IpcCase, position: usize, index: usize, trips: &RoundTrips) -> Case {
        let (state, reason) = case_state(trips, self.plan.dialect.ids);
        Case {
            path: case.path.clone(),
            state,
            reason,
            duration_s: trips.duration_ns as f64 / 1e9,
            conditions: json!({
                "ack": case.ack,
                "load": case.load,
                "size_bytes": case.size_bytes,
                "messages": self.plan.messages,
                "sent": trips.sent,
                "warm_up": trips.warm_up_ns.len(),
                "warm_up_median_ms": median_ms(&trips.warm_up_ns),
                "place_in_plan": index,
                "place_in_run": position,
            }),
            notes: Vec::new(),
            metrics: metrics(trips, case.load, state),
            histograms: Vec::new(),
        }
    }

    /// What a case that broke means for those that follow.
    fn obstacle_after(&mut self, case: &IpcCase, trips: &RoundTrips) -> Option<Obstacle> {
        match &trips.end {
            End::Complete => None,
            End::Interrupted => Some(Obstacle::Interrupted),
            End::Broken(error) => {
                if !self.connection.is_alive(self.plan, self.stop) {
                    return Some(Obstacle::Gone(error.to_string()));
                }
                let silent = matches!(error, BridgeError::NoReply { .. });
                (case.ack == Ack::Applied && silent).then(|| {
                    self.recorder.run.warnings.push(format!("{}: {PAUSED}", case.path));
                    Obstacle::Paused
                })
            }
        }
    }
}

/// What it means when only the socket thread answers.
const PAUSED: &str = "received replies flow while applied ones do not: Unity's main thread is paused (window unfocused or \
                      minimised?)";

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
