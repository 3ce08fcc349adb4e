//! The study that measures placements.

use std::sync::atomic::AtomicBool;

use super::super::ended_by;
use super::super::setup::{LocatedModel, MemoryLock};
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned};
use super::cases::{cases, histograms};
use super::findings::findings;
use super::gpu_watch::GpuSampler;
use super::projections::{Projections, budget, gpus, project_placements};
use super::subject::{concerns, subject};
use super::sweep::{PlacementSweep, PlacementSweepResult};
use crate::advise::{MemoryBudget, PlacementPick};
use crate::failure::Failure;
use crate::llm::engine::{Backend, Device, LockOutcome, PlacementTarget};
use crate::plan::{GpuProfilesPlan, oversubscribed};
use crate::record::{Case, Run, RunState, Topology};

/// What is known before measuring.
pub(super) struct PreparedSweep {
    pub(super) gpus: Vec<Device>,
    pub(super) projections: Projections,
    /// `None` without a GPU.
    pub(super) budget: Option<MemoryBudget>,
    /// The pick among all contexts and cache types.
    pub(super) pick: Option<PlacementPick>,
    /// The number of layers for `auto`, with the measured context size.
    pub(super) auto: u32,
}

/// Memory and speed by the number of layers on the GPU.
pub(crate) struct GpuProfilesStudy {
    plan: GpuProfilesPlan,
    located: LocatedModel,
    backend: &'static Backend,
    topology: Topology,
    prepared: PreparedSweep,
}

impl GpuProfilesStudy {
    /// Projects all placements of the model on this machine, and resolves `auto`.
    pub(crate) fn prepare(
        plan: GpuProfilesPlan,
        located: LocatedModel,
        (backend, topology): (&'static Backend, Topology),
        stop: &AtomicBool,
    ) -> Result<Self, Failure> {
        let gpus = gpus(backend);
        let target = if gpus.is_empty() { PlacementTarget::Cpu } else { PlacementTarget::Machine };
        let projections = project_placements(backend, &located.path, &plan, target, stop)?;
        let budget = if gpus.is_empty() { None } else { Some(budget(&gpus, &plan)?) };
        let pick = budget.and_then(|budget| projections.pick(&budget));
        let first = budget.and_then(|budget| projections.pick_first(&budget));
        let auto = first.map_or(0, |pick| pick.chosen.n_gpu_layers);
        let prepared = PreparedSweep { gpus, projections, budget, pick, auto };
        Ok(Self { plan, located, backend, topology, prepared })
    }
}

impl Study for GpuProfilesStudy {
    type Data = PlacementSweepResult;
    /// Nothing: each placement has its own process.
    type Target = ();

    fn manifest(&self, (): &()) -> Result<RunManifest, Failure> {
        let facts = &self.located.facts;
        let (name, found_by) = (self.located.name(), self.located.found_by);
        let warnings = concerns(facts, &self.plan).into_iter().chain(self.backend.vector_units());
        Ok(RunManifest {
            command: "gpu-profiles",
            plan: planned(&self.plan)?,
            subject: subject(&name, found_by, facts, self.backend, self.prepared.projections.target),
            simulated: self.located.simulated(),
            warnings: warnings.chain(oversubscribed(self.plan.n_threads, &self.topology)).collect(),
        })
    }

    fn run(
        &self,
        (): &mut (),
        result: &mut PlacementSweepResult,
        context: &mut RunContext<'_, PlacementSweepResult>,
    ) -> Result<StopReason, Failure> {
        let sweep = PlacementSweep {
            plan: &self.plan,
            path: &self.located.path,
            prepared: &self.prepared,
            gpu_watch: GpuSampler::open(),
        };
        sweep.run(result, context)
    }

    fn cases(&self, result: &PlacementSweepResult, end: Option<StopReason>) -> Vec<Case> {
        cases(&self.plan, &self.prepared, result, end)
    }

    fn findings(&self, result: &PlacementSweepResult, _: &Run, end: StopReason) -> Vec<String> {
        findings(&self.plan, &self.prepared, &self.located.facts, result, end)
    }

    fn histograms(&self, result: &PlacementSweepResult) -> Vec<CaseHistogram> {
        histograms(&self.plan, result)
    }

    /// llama.cpp's warnings, without repeats, and what is not locked.
    fn warnings(&self, result: &PlacementSweepResult) -> Vec<String> {
        let samples = || result.placements.iter().flat_map(|placement| &placement.samples);
        let mut warnings: Vec<String> = samples().flat_map(|sample| sample.measured.warnings.iter().cloned()).collect();
        warnings.sort_unstable();
        warnings.dedup();
        let lock = LockOutcome::worst(samples().map(|sample| &sample.measured.lock));
        warnings.extend(MemoryLock::of(self.plan.use_mlock, &lock).warning());
        warnings
    }

    fn state(&self, result: &PlacementSweepResult, _: &[Case], end: StopReason) -> (RunState, Option<String>) {
        state(result, end)
    }

    fn advice(&self, _: &PlacementSweepResult, _: &Run) -> String {
        "use a smaller --ctx-size, which needs less memory, or a longer --timeout".into()
    }
}

/// A placement that fails or does not fit is a row of the result. The run fails only if nothing was measured.
fn state(result: &PlacementSweepResult, end: StopReason) -> (RunState, Option<String>) {
    if end == StopReason::Interrupted {
        return (RunState::Interrupted, Some(ended_by()));
    }
    if result.measured().next().is_none() {
        return (RunState::Failed, Some("no placement could be measured".into()));
    }
    (RunState::Complete, None)
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::*;

    #[test]
    fn run_fails_only_if_nothing_was_measured() {
        let mut result = planted::result(1);
        result.placements[1].failed = Some("no memory".into());
        assert_eq!(state(&result, StopReason::Planned), (RunState::Complete, None));
        result.placements.iter_mut().for_each(|placement| placement.samples.clear());
        let failed = (RunState::Failed, Some("no placement could be measured".into()));
        assert_eq!(state(&result, StopReason::Planned), failed);
        assert_eq!(state(&result, StopReason::Interrupted).0, RunState::Interrupted);
    }
}
