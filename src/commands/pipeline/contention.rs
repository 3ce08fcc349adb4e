//! Model, bridge and render load, alone and together, in rounds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use super::budget::{Budget, Part};
use crate::bridge::{Ack, Client, Message};
use crate::clock::{Clock, ms};
use crate::failure::Failure;
use crate::llm::Conversation;
use crate::measure::{CellSample, RenderLoad, Speaker, average, case_state, measure_cell};
use crate::plan::PipelinePlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};

/// What runs at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    pub(super) render: bool,
    pub(super) model: bool,
    pub(super) bridge: bool,
}

impl Cell {
    /// Its path in the record: `contention/model+bridge`.
    pub(super) fn path(self) -> String {
        let parts = [(self.model, "model"), (self.bridge, "bridge"), (self.render, "render")];
        let named: Vec<&str> = parts.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect();
        format!("contention/{}", named.join("+"))
    }
}

/// The samples of every cell, a round each.
pub(super) type Cells = BTreeMap<Cell, Vec<CellSample>>;

/// Who takes part.
pub(super) struct Partners<'a, 'm> {
    pub(super) plan: &'a PipelinePlan,
    pub(super) speaker: &'a mut dyn Speaker<'m>,
    pub(super) client: &'a mut Client,
    pub(super) clock: &'a Clock,
    pub(super) stop: &'a AtomicBool,
    pub(super) done: &'a AtomicU64,
    pub(super) budget: Budget,
}

/// What model and bridge can do in one half of a round.
const HALF: [(bool, bool); 3] = [(true, false), (false, true), (true, true)];

/// Cells of a round.
pub(super) const CELLS: u64 = 2 * HALF.len() as u64;

impl Partners<'_, '_> {
    /// All rounds: in each, three cells without the render load and three beside it, either half first by chance.
    pub(super) fn measure(&mut self, rng: &mut StdRng, cells: &mut Cells) -> Result<(), Failure> {
        let mut conversation = Conversation::new("", 1);
        conversation.ask(self.plan.message(0));
        let prompt = self.speaker.prompt(&conversation.messages());
        let reach = &self.plan.reach;
        let probe = reach.dialect.probe(Ack::Applied);
        let mut message = probe.map(|probe| Message::of(reach.dialect, probe, reach.blink, 0));
        let mut steps = self.budget.steps(Part::Contention);
        for round in (0..self.plan.contention_rounds).take_while(|_| steps.may_begin()) {
            let mut halves = [false, true];
            halves.shuffle(rng);
            for render in halves {
                let load = render.then(|| RenderLoad::start(self.plan.contention_render, *self.clock)).transpose()?;
                let mut half = HALF;
                half.shuffle(rng);
                for (model, bridge) in half {
                    let speaker: Option<(&mut dyn Speaker<'_>, _)> =
                        if model { Some((&mut *self.speaker, &prompt)) } else { None };
                    let bridge_part = match &mut message {
                        Some(message) if bridge => Some((&mut *self.client, message, self.plan.reach.dialect.ids)),
                        _ => None,
                    };
                    if speaker.is_none() && bridge_part.is_none() {
                        continue;
                    }
                    let seed = self.plan.seed.wrapping_add(u64::from(round) + 1);
                    let sample = measure_cell(speaker, bridge_part, seed, (self.clock, self.stop))?;
                    load.as_ref().map(RenderLoad::check).transpose()?;
                    cells.entry(Cell { render, model, bridge }).or_default().push(sample);
                    self.done.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }
}

/// The cells as cases. The unit is a round: intervals are over rounds, not over tokens or messages.
pub(super) fn cases(cells: &Cells, interrupted: bool) -> Vec<Case> {
    cells.iter().map(|(cell, samples)| case(*cell, samples, interrupted)).collect()
}

fn case(cell: Cell, samples: &[CellSample], interrupted: bool) -> Case {
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
    if interrupted {
        for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
            metric.status = MetricStatus::Partial;
        }
    }
    let (state, reason) = state(samples, interrupted);
    Case {
        path: cell.path(),
        state,
        reason,
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
    }
}

/// How a cell ended: rounds whose commands were not all answered once have no latency.
fn state(samples: &[CellSample], interrupted: bool) -> (CaseState, Option<String>) {
    if interrupted {
        return (CaseState::Interrupted, Some(format!("interrupted after {}", counted(samples.len(), "round"))));
    }
    let trips = samples.iter().filter_map(|sample| sample.trips.as_ref());
    let faults: Vec<String> = trips.filter_map(|trips| case_state(trips, false).1).collect();
    match faults.first() {
        None => (CaseState::Ok, None),
        Some(first) => {
            let state = if faults.len() == samples.len() { CaseState::Failed } else { CaseState::Lossy };
            (state, Some(format!("{} of {} failed; first: {first}", faults.len(), counted(samples.len(), "round"))))
        }
    }
}

/// Tokens a second of each round.
pub(super) fn speeds(samples: &[CellSample]) -> Vec<f64> {
    samples.iter().filter_map(|sample| sample.tokens_per_s).collect()
}

/// Mean round trips of applied commands of each round, in milliseconds.
pub(super) fn latencies_ms(samples: &[CellSample]) -> Vec<f64> {
    samples.iter().filter_map(CellSample::latency_ns).map(|ns| ns / 1e6).collect()
}
