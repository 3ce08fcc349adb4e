//! Model, bridge and render-like load, alone and together, in rounds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use super::super::study::StopReason;
use super::budget::{RunPart, TimeBudget};
use super::cases::cut_off;
use crate::bridge::{Ack, BridgeError, Client, Message};
use crate::clock::{Clock, ms};
use crate::failure::Failure;
use crate::llm::Conversation;
use crate::measure::{ContentionSample, RenderLoad, Speaker, average, case_state, measure_cell};
use crate::plan::PipelinePlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric};

/// What runs in parallel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ContentionCell {
    pub(super) render: bool,
    pub(super) model: bool,
    pub(super) bridge: bool,
}

impl ContentionCell {
    /// Path in the record: `contention/model+bridge`.
    pub(super) fn path(self) -> String {
        let parts = [(self.model, "model"), (self.bridge, "bridge"), (self.render, "render")];
        let named: Vec<&str> = parts.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect();
        format!("contention/{}", named.join("+"))
    }
}

/// The samples of every cell, one per round.
pub(super) type CellSamples = BTreeMap<ContentionCell, Vec<ContentionSample>>;

/// The participants.
pub(super) struct Contention<'a, 'm> {
    pub(super) plan: &'a PipelinePlan,
    pub(super) speaker: &'a mut dyn Speaker<'m>,
    pub(super) client: &'a mut Client,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    pub(super) done: &'a AtomicU64,
    pub(super) budget: TimeBudget,
}

/// The cells of model and bridge in one half of a round.
const HALF: [ContentionCell; 3] = [
    ContentionCell { render: false, model: true, bridge: false },
    ContentionCell { render: false, model: false, bridge: true },
    ContentionCell { render: false, model: true, bridge: true },
];

/// Cells per round.
pub(super) const CELLS: u64 = 2 * HALF.len() as u64;

impl Contention<'_, '_> {
    /// Runs all rounds: in each, three cells without and three with the render-like load, in random order of the
    /// halves.
    pub(super) fn measure(&mut self, rng: &mut StdRng, cells: &mut CellSamples) -> Result<(), Failure> {
        let mut conversation = Conversation::new("", 1);
        conversation.ask(self.plan.message(0));
        let prompt = self.speaker.prompt(&conversation.messages());
        let bridge_connection = &self.plan.bridge_connection;
        let probe = bridge_connection.dialect.probe(Ack::Applied);
        let mut message = probe.map(|probe| Message::of(bridge_connection.dialect, probe, bridge_connection.blink, 0));
        let mut steps = self.budget.steps(RunPart::Contention);
        for round in (0..self.plan.contention_rounds).take_while(|_| steps.may_begin()) {
            let mut halves = [false, true];
            halves.shuffle(rng);
            for render in halves {
                let load = render.then(|| RenderLoad::start(self.plan.contention_render, *self.clock)).transpose()?;
                let mut half = HALF.map(|cell| ContentionCell { render, ..cell });
                half.shuffle(rng);
                for cell in half {
                    let speaker: Option<(&mut dyn Speaker<'_>, _)> =
                        if cell.model { Some((&mut *self.speaker, &prompt)) } else { None };
                    let bridge_part = match &mut message {
                        Some(message) if cell.bridge => {
                            Some((&mut *self.client, message, bridge_connection.dialect.ids))
                        }
                        _ => None,
                    };
                    if speaker.is_none() && bridge_part.is_none() {
                        continue;
                    }
                    let seed = self.plan.seed.wrapping_add(u64::from(round) + 1);
                    let sample = measure_cell(speaker, bridge_part, seed, (self.clock, self.stop))?;
                    load.as_ref().map(RenderLoad::check).transpose()?;
                    if self.stop.load(Ordering::Relaxed) {
                        // An incomplete cell is not a sample.
                        return Err(BridgeError::Interrupted.into());
                    }
                    cells.entry(cell).or_default().push(sample);
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

/// The cells as cases, of `planned` rounds each. The unit is the round: intervals are over rounds, not over tokens or
/// messages.
pub(super) fn cases(cells: &CellSamples, planned: u32, end: Option<StopReason>) -> Vec<Case> {
    cells.iter().map(|(cell, samples)| case(*cell, samples, planned, end)).collect()
}

fn case(cell: ContentionCell, samples: &[ContentionSample], planned: u32, end: Option<StopReason>) -> Case {
    let mut metrics = Vec::new();
    if cell.model {
        metrics.push(average("tokens_per_s", "tokens/s", &speeds(samples), Direction::Higher));
    }
    if cell.bridge {
        metrics.push(average("applied_latency", "ms", &latencies_ms(samples), Direction::Lower));
        let lost: u64 = samples.iter().filter_map(|sample| sample.trips.as_ref()).map(|trips| trips.lost).sum();
        let sent: u64 = samples.iter().filter_map(|sample| sample.trips.as_ref()).map(|trips| trips.sent).sum();
        metrics.push(Metric::plain("lost", "count", lost as f64, sent, Direction::Lower));
    }
    let case = Case {
        path: cell.path(),
        state: CaseState::Ok,
        reason: None,
        duration_s: samples.iter().map(|sample| ms(sample.span_ns.1 - sample.span_ns.0) / 1e3).sum(),
        conditions: json!({
            "model": cell.model,
            "bridge": cell.bridge,
            "render": cell.render,
            "rounds": samples.len(),
            "tokens_per_s": speeds(samples),
            "applied_latency_ms": latencies_ms(samples),
        }),
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    };
    match cut_off(end, samples.len(), planned, "round") {
        Some(reason) => case.cut_off(reason),
        None => with_faults(case, samples),
    }
}

/// State of a cell that was not cut off: rounds in which a command had no reply have no latency.
fn with_faults(case: Case, samples: &[ContentionSample]) -> Case {
    let trips = samples.iter().filter_map(|sample| sample.trips.as_ref());
    let faults: Vec<String> = trips.filter_map(|trips| case_state(trips, false).1).collect();
    let Some(first) = faults.first() else { return case };
    let state = if faults.len() == samples.len() { CaseState::Failed } else { CaseState::Lossy };
    let reason = format!("{} of {} failed; first: {first}", faults.len(), counted(samples.len(), "round"));
    Case { state, reason: Some(reason), ..case.partial() }
}

/// Tokens per second of each round.
pub(super) fn speeds(samples: &[ContentionSample]) -> Vec<f64> {
    samples.iter().filter_map(|sample| sample.tokens_per_s).collect()
}

/// Mean round trips of *applied* commands per round, in milliseconds.
pub(super) fn latencies_ms(samples: &[ContentionSample]) -> Vec<f64> {
    samples.iter().filter_map(ContentionSample::latency_ns).map(|ns| ns / 1e6).collect()
}

#[cfg(test)]
mod tests {
    use super::super::planted::{cell_sample, failed_cell_sample};
    use super::*;
    use crate::record::MetricStatus;

    const BOTH: ContentionCell = ContentionCell { render: true, model: true, bridge: true };

    fn planted(samples: Vec<ContentionSample>, end: Option<StopReason>) -> Case {
        cases(&CellSamples::from([(BOTH, samples)]), 2, end).remove(0)
    }

    #[test]
    fn cell_figures_are_per_round() {
        let case = planted(vec![cell_sample(10.0, 6), cell_sample(30.0, 10)], Some(StopReason::Planned));
        assert_eq!((case.path.as_str(), case.state), ("contention/model+bridge+render", CaseState::Ok));
        let speed = case.metric("tokens_per_s").unwrap();
        assert_eq!((speed.value, speed.n, speed.status), (Some(20.0), 2, MetricStatus::Ok));
        let latency = case.metric("applied_latency").unwrap();
        assert_eq!((latency.value, latency.n), (Some(8.0), 2));
        assert_eq!((case.metric("lost").unwrap().value, case.metric("lost").unwrap().n), (Some(0.0), 40));
        assert_eq!((&case.conditions["rounds"], &case.conditions["render"]), (&2.into(), &true.into()));
    }

    #[test]
    fn failed_round_has_no_latency_and_names_its_fault() {
        let case = planted(vec![cell_sample(10.0, 6), failed_cell_sample(10.0)], Some(StopReason::Planned));
        assert_eq!(case.state, CaseState::Lossy);
        let reason = case.reason.as_deref().unwrap();
        assert!(reason.starts_with("1 of 2 rounds failed; first: ") && reason.contains("no reply within"), "{reason}");
        let latency = case.metric("applied_latency").unwrap();
        assert_eq!((latency.value, latency.n, latency.status), (Some(6.0), 1, MetricStatus::Partial));
        let all = planted(vec![failed_cell_sample(10.0)], Some(StopReason::Planned));
        assert_eq!(
            (all.state, all.metric("applied_latency").unwrap().status),
            (CaseState::Failed, MetricStatus::TooFew)
        );
    }

    #[test]
    fn only_cells_with_missing_rounds_are_cut_off() {
        let whole = planted(vec![cell_sample(10.0, 6), cell_sample(10.0, 6)], Some(StopReason::Interrupted));
        assert_eq!(whole.state, CaseState::Ok);
        let cut = planted(vec![cell_sample(10.0, 6)], Some(StopReason::Interrupted));
        assert_eq!(
            (cut.state, cut.reason.as_deref()),
            (CaseState::Interrupted, Some("interrupted after 1 of 2 rounds"))
        );
        assert_eq!(cut.metric("tokens_per_s").unwrap().status, MetricStatus::Partial);
        assert_eq!(planted(vec![cell_sample(10.0, 6)], Some(StopReason::Budget)).state, CaseState::Ok);
        assert_eq!(planted(vec![cell_sample(10.0, 6)], None).state, CaseState::Ok);
    }
}
