//! The rounds: every placement once per round, in random order, each in a separate process.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

use super::super::study::{RunContext, StopReason};
use super::super::worker_client::WorkerAbort;
use super::ask;
use super::gpu_watch::{GpuReadings, GpuSampler};
use super::study::PreparedSweep;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::llm::engine::Projection;
use crate::llm::read_through;
use crate::measure::{
    PlacementOutcome, PlacementPhase, PlacementRequest, PlacementResponse, PlacementTask, TokenSample, TokenTest,
};
use crate::plan::{GpuProfilesPlan, RoundLimit};
use crate::text::gib;

/// One measurement of a placement.
#[derive(Debug)]
pub(super) struct PlacementSample {
    /// Wall-clock time of its start.
    pub(super) began: Timestamp,
    /// When its phases began, on the run's clock.
    pub(super) phases: PhaseTimes,
    /// The outcome.
    pub(super) measured: PlacementOutcome,
    /// The driver's readings in the meantime.
    pub(super) seen: GpuReadings,
}

impl PlacementSample {
    /// The sample of one test, and when it began on the run's clock. Its own times are from its process's clock.
    pub(super) fn test(&self, test: TokenTest) -> (&TokenSample, u64) {
        match test {
            TokenTest::Prompt => (&self.measured.prompt, self.phases.prompt_ns),
            TokenTest::Generation => (&self.measured.generation, self.phases.generation_ns),
        }
    }
}

/// When the measured phases of a placement were reported.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PhaseTimes {
    pub(super) prompt_ns: u64,
    pub(super) generation_ns: u64,
}

impl PhaseTimes {
    /// Records when a phase was first seen.
    fn note(&mut self, phase: PlacementPhase, clock: &Clock) {
        let slot = match phase {
            PlacementPhase::Prompt => &mut self.prompt_ns,
            PlacementPhase::Generation => &mut self.generation_ns,
            PlacementPhase::Load | PlacementPhase::WarmUp | PlacementPhase::Done => return,
        };
        if *slot == 0 {
            *slot = clock.now_ns();
        }
    }
}

/// One placement with its samples.
#[derive(Debug)]
pub(super) struct PlacementSamples {
    /// Layers on the GPU.
    pub(super) n_gpu_layers: u32,
    /// Its projection.
    pub(super) projection: Option<Projection>,
    /// One sample per round.
    pub(super) samples: Vec<PlacementSample>,
    /// Why it was not measured at all.
    pub(super) skipped: Option<String>,
    /// Why it is no longer measured.
    pub(super) failed: Option<String>,
}

impl PlacementSamples {
    /// The samples of one test, one per round.
    pub(super) fn of_test(&self, test: TokenTest) -> Vec<TokenSample> {
        self.samples.iter().map(|sample| sample.test(test).0.clone()).collect()
    }

    /// Whether it takes part in the next round.
    fn goes_on(&self) -> bool {
        self.skipped.is_none() && self.failed.is_none()
    }
}

/// Measurements so far.
#[derive(Debug, Default)]
pub(crate) struct PlacementSweepResult {
    /// Sorted by layers, ascending.
    pub(super) placements: Vec<PlacementSamples>,
    /// Complete rounds.
    pub(super) rounds: u32,
}

impl PlacementSweepResult {
    /// The placements that were measured at least once.
    pub(super) fn measured(&self) -> impl Iterator<Item = &PlacementSamples> {
        self.placements.iter().filter(|placement| !placement.samples.is_empty())
    }
}

/// What the sweep needs.
pub(super) struct PlacementSweep<'a> {
    pub(super) plan: &'a GpuProfilesPlan,
    pub(super) path: &'a Path,
    pub(super) prepared: &'a PreparedSweep,
    /// The GPUs, as reported by the driver.
    pub(super) gpu_watch: GpuSampler,
}

impl PlacementSweep<'_> {
    /// Runs the rounds, with a checkpoint after each measurement.
    pub(super) fn run(
        &self,
        result: &mut PlacementSweepResult,
        context: &mut RunContext<'_, PlacementSweepResult>,
    ) -> Result<StopReason, Failure> {
        let layers = self.plan.placements(self.prepared.projections.offloadable(), self.prepared.auto);
        result.placements = layers.into_iter().map(|layers| self.placement(layers)).collect();
        context.checkpoint(result)?;
        let phase = context.observer.phase("gpu-profiles", 0);
        let began_ns = context.clock.now_ns();
        let mut rng = StdRng::seed_from_u64(self.plan.seed);
        // So that every load, including the first, finds the model in the page cache. If it cannot be read, loading
        // will report that.
        let _ = read_through(self.path, context.stop);
        loop {
            let mut round: Vec<usize> =
                (0..result.placements.len()).filter(|&at| result.placements[at].goes_on()).collect();
            if round.is_empty() {
                return Ok(StopReason::Planned);
            }
            round.shuffle(&mut rng);
            for at in round {
                let is_first = result.measured().next().is_none()
                    && result.placements.iter().all(|placement| placement.failed.is_none());
                if !is_first && self.is_spent(context.clock.now_ns() - began_ns) {
                    return Ok(StopReason::Budget);
                }
                if context.is_stopped() || !self.measure(&mut result.placements[at], context) {
                    return Ok(StopReason::Interrupted);
                }
                phase.counter().fetch_add(1, Ordering::Relaxed);
                context.checkpoint(result)?;
            }
            result.rounds += 1;
            match self.plan.rounds {
                RoundLimit::Repetitions(rounds) if result.rounds >= rounds => return Ok(StopReason::Planned),
                _ => {}
            }
        }
    }

    /// Whether the budget, if any, is used up. The first measurement is always taken.
    fn is_spent(&self, spent_ns: u64) -> bool {
        matches!(self.plan.rounds, RoundLimit::BudgetS(budget_s) if spent_ns as f64 / 1e9 >= budget_s)
    }

    fn placement(&self, n_gpu_layers: u32) -> PlacementSamples {
        let projection = self.prepared.projections.placement(n_gpu_layers).cloned();
        let skipped = self.reason_to_skip(n_gpu_layers, projection.as_ref());
        PlacementSamples { n_gpu_layers, projection, samples: Vec::new(), skipped, failed: None }
    }

    /// Why a placement is not tried.
    fn reason_to_skip(&self, n_gpu_layers: u32, projection: Option<&Projection>) -> Option<String> {
        let Some(budget) = &self.prepared.budget else {
            return (n_gpu_layers > 0).then(|| "skipped: there is no GPU that this build can use".into());
        };
        let needed = projection?.on_devices().total_bytes();
        let available = budget.available_bytes();
        (needed > available && n_gpu_layers > 0 && !self.plan.try_all).then(|| {
            format!(
                "skipped: it needs {} of the {} available ({} free, {} reserved); --try-all measures it",
                gib(needed),
                gib(available),
                gib(budget.free_bytes),
                gib(budget.reserve_bytes)
            )
        })
    }

    /// One measurement. Returns false if interrupted.
    fn measure(&self, placement: &mut PlacementSamples, context: &RunContext<'_, PlacementSweepResult>) -> bool {
        let plan = self.plan;
        let request = PlacementRequest {
            path: self.path.to_owned(),
            n_gpu_layers: placement.n_gpu_layers,
            n_ctx: plan.first_context().n_ctx,
            n_batch: plan.n_batch,
            n_ubatch: plan.n_ubatch,
            kv_type: plan.type_k.into(),
            flash_attn: plan.flash_attn.into(),
            use_mlock: plan.use_mlock,
            n_threads: plan.n_threads,
            n_prompt: plan.n_prompt,
            n_gen: plan.n_gen,
        };
        let began = Timestamp::now();
        let timeout = Duration::from_secs_f64(plan.timeout_s);
        let (mut seen, mut phases) = (GpuReadings::default(), PhaseTimes::default());
        let watch = |process, phase| {
            phases.note(phase, &context.clock);
            self.gpu_watch.look(process, phase, &mut seen);
        };
        match ask::ask(&PlacementTask::Measure(request), timeout, context.stop, watch) {
            Ok(PlacementResponse::Measured(outcome)) => {
                placement.samples.push(PlacementSample { began, phases, measured: *outcome, seen });
            }
            Ok(_) => placement.failed = Some("its process gave an unexpected response".into()),
            Err(WorkerAbort::Failed(reason)) => placement.failed = Some(reason),
            Err(WorkerAbort::Interrupted) => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::*;

    #[test]
    fn placement_that_cannot_fit_is_skipped_with_its_reason() {
        let skipped = |plan: &GpuProfilesPlan, prepared: &PreparedSweep, layers| {
            let sweep = PlacementSweep { plan, path: Path::new("m.gguf"), prepared, gpu_watch: GpuSampler::open() };
            sweep.placement(layers).skipped
        };
        // Three layers take 320 of the 400 bytes available; four would take 420.
        let (plan, prepared) = (planted::plan(1), planted::prepared());
        assert_eq!(skipped(&plan, &prepared, 3), None);
        let reason = skipped(&plan, &prepared, 4).unwrap();
        assert!(reason.starts_with("skipped: it needs 0.00 GiB of the 0.00 GiB available"), "{reason}");
        assert_eq!(skipped(&GpuProfilesPlan { try_all: true, ..plan.clone() }, &prepared, 4), None);
        let without_gpu = PreparedSweep { gpus: Vec::new(), budget: None, ..prepared };
        assert_eq!(skipped(&plan, &without_gpu, 0), None);
        let reason = Some("skipped: there is no GPU that this build can use".into());
        assert_eq!(skipped(&plan, &without_gpu, 1), reason);
    }

    #[test]
    fn phase_begins_when_first_seen() {
        let (mut phases, clock) = (PhaseTimes::default(), Clock::start());
        clock.rest_until(1);
        phases.note(PlacementPhase::Load, &clock);
        assert_eq!((phases.prompt_ns, phases.generation_ns), (0, 0));
        phases.note(PlacementPhase::Prompt, &clock);
        let first = phases.prompt_ns;
        phases.note(PlacementPhase::Generation, &clock);
        phases.note(PlacementPhase::Prompt, &clock);
        assert!(first > 0 && phases.prompt_ns == first && phases.generation_ns >= first, "{phases:?}");
    }
}
