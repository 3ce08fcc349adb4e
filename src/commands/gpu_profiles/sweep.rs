//! The rounds: every placement once a round, in random order, each in a process of its own.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::child;
use super::command::Known;
use super::gpu_watch::{GpuSeen, GpuWatch};
use crate::advise::gib;
use crate::clock::Clock;
use crate::llm::engine::Projection;
use crate::llm::read_through;
use crate::measure::{PlacementAnswer, PlacementOutcome, PlacementRequest, PlacementTask};
use crate::plan::{GpuProfilesPlan, Rounds};
use crate::record::RecordError;
use crate::studies::worker_client::CalledOff as ChildEnd;

/// One measurement of a placement.
#[derive(Debug)]
pub(super) struct Outcome {
    /// When it began, by the calendar.
    pub(super) began: Timestamp,
    /// What was measured.
    pub(super) measured: PlacementOutcome,
    /// What the driver told meanwhile.
    pub(super) seen: GpuSeen,
}

/// One placement, and what came of it.
#[derive(Debug)]
pub(super) struct Placed {
    /// Layers on the GPU.
    pub(super) n_gpu_layers: u32,
    /// What was foreseen.
    pub(super) projection: Option<Projection>,
    /// One a round.
    pub(super) outcomes: Vec<Outcome>,
    /// Why it was not measured at all.
    pub(super) skipped: Option<String>,
    /// Why it was measured no longer.
    pub(super) failed: Option<String>,
}

/// What came out of the sweep.
#[derive(Debug, Default)]
pub(super) struct Swept {
    /// By layers, ascending.
    pub(super) placed: Vec<Placed>,
    /// Rounds that were finished.
    pub(super) rounds: u32,
    /// Why it ended.
    pub(super) ended: Ended,
}

/// Why the rounds ended.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// As many as were asked for.
    #[default]
    Repetitions,
    /// The budget was spent.
    Budget,
    /// Nothing was left to measure.
    Nothing,
    /// Ctrl-C.
    Interrupted,
}

/// What the sweep needs.
pub(super) struct Sweep<'a> {
    pub(super) plan: &'a GpuProfilesPlan,
    pub(super) path: &'a Path,
    pub(super) known: &'a Known,
    pub(super) stop: &'a AtomicBool,
    /// The GPUs, as the driver sees them.
    pub(super) gpu_watch: GpuWatch,
    /// Measurements so far.
    pub(super) done: &'a AtomicU64,
}

impl Sweep<'_> {
    /// Runs the rounds. `keep` is handed everything after each measurement, to write it to disk.
    pub(super) fn run(
        &mut self,
        mut keep: impl FnMut(&Swept) -> Result<(), RecordError>,
    ) -> Result<Swept, RecordError> {
        let offloadable = self.known.foreseen.offloadable();
        let layers = self.plan.placements(offloadable, self.known.auto);
        let mut swept =
            Swept { placed: layers.into_iter().map(|layers| self.placed(layers)).collect(), ..Swept::default() };
        keep(&swept)?;
        let clock = Clock::start();
        let mut rng = StdRng::seed_from_u64(self.plan.seed);
        // Then every load finds the model in the page cache, the first one too. Where it cannot be read, loading will say so.
        let _ = read_through(self.path, self.stop);
        loop {
            let mut round: Vec<usize> = (0..swept.placed.len()).filter(|&at| swept.placed[at].goes_on()).collect();
            if round.is_empty() {
                swept.ended = Ended::Nothing;
                return Ok(swept);
            }
            round.shuffle(&mut rng);
            for at in round {
                let is_first = swept.placed.iter().all(|placed| placed.outcomes.is_empty() && placed.failed.is_none());
                if !is_first && self.is_spent(&clock) {
                    swept.ended = Ended::Budget;
                    return Ok(swept);
                }
                if self.stop.load(Ordering::Relaxed) || !self.one(&mut swept.placed[at]) {
                    swept.ended = Ended::Interrupted;
                    return Ok(swept);
                }
                keep(&swept)?;
            }
            swept.rounds += 1;
            match self.plan.rounds {
                Rounds::Repetitions(rounds) if swept.rounds >= rounds => return Ok(swept),
                _ => {}
            }
        }
    }

    /// Whether the budget, if there is one, is spent. The first measurement is taken in any case.
    fn is_spent(&self, clock: &Clock) -> bool {
        matches!(self.plan.rounds, Rounds::BudgetS(budget_s) if clock.now_ns() as f64 / 1e9 >= budget_s)
    }

    fn placed(&self, n_gpu_layers: u32) -> Placed {
        let projection = self.known.foreseen.placement(n_gpu_layers).cloned();
        let skipped = self.reason_to_skip(n_gpu_layers, projection.as_ref());
        Placed { n_gpu_layers, projection, outcomes: Vec::new(), skipped, failed: None }
    }

    /// Why a placement is not even tried.
    fn reason_to_skip(&self, n_gpu_layers: u32, projection: Option<&Projection>) -> Option<String> {
        let Some(budget) = &self.known.budget else {
            return (n_gpu_layers > 0).then(|| "skipped: there is no GPU that this build can use".into());
        };
        let needed = projection?.on_devices().total_bytes();
        let available = budget.available_bytes();
        (needed > available && n_gpu_layers > 0 && !self.plan.try_all).then(|| {
            format!(
                "skipped: it would take {} of the {} that may be filled ({} free, {} kept); --try-all measures it",
                gib(needed),
                gib(available),
                gib(budget.free_bytes),
                gib(budget.reserve_bytes)
            )
        })
    }

    /// One measurement. False when it was interrupted.
    fn one(&self, placed: &mut Placed) -> bool {
        let plan = self.plan;
        let request = PlacementRequest {
            path: self.path.to_owned(),
            n_gpu_layers: placed.n_gpu_layers,
            n_ctx: plan.first_context().n_ctx,
            n_batch: plan.n_batch,
            n_ubatch: plan.n_ubatch,
            kv_type: plan.type_k.into(),
            flash_attn: plan.flash_attn.into(),
            n_threads: plan.n_threads,
            n_prompt: plan.n_prompt,
            n_gen: plan.n_gen,
        };
        let began = Timestamp::now();
        let timeout = Duration::from_secs_f64(plan.timeout_s);
        let mut seen = GpuSeen::default();
        let look = |process, phase| self.gpu_watch.look(process, phase, &mut seen);
        let task = PlacementTask::Measure(request);
        match child::ask(&task, timeout, self.stop, look) {
            Ok(PlacementAnswer::Measured(outcome)) => placed.outcomes.push(Outcome { began, measured: *outcome, seen }),
            Ok(_) => placed.failed = Some("its process answered something else".into()),
            Err(ChildEnd::Failed(reason)) => placed.failed = Some(reason),
            Err(ChildEnd::Interrupted) => return false,
        }
        self.done.fetch_add(1, Ordering::Relaxed);
        true
    }
}

impl Placed {
    /// Whether it is measured in the next round.
    fn goes_on(&self) -> bool {
        self.skipped.is_none() && self.failed.is_none()
    }
}
