//! The study.

use std::iter;

use serde_json::json;

use super::super::setup::{LocatedModel, MemoryLock, load};
use super::super::study::{
    CaseHistogram, RunContext, RunManifest, StopReason, Study, failed_cases, planned, state_of_cases,
};
use super::findings::findings;
use super::lengths::{self, LengthSamples};
use super::prefix::{self, PrefixSamples};
use super::start_cases::{self, start_path};
use super::starts::{self, StartSamples};
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, LockOutcome, Model, Placement};
use crate::measure::Readiness;
use crate::plan::{WarmupPlan, oversubscribed};
use crate::record::{Case, Run, RunState, Topology};

/// Time of the first reply by what was ready before, cost per token, and savings by prefix reuse.
pub(crate) struct WarmupStudy {
    /// The plan.
    pub(crate) plan: WarmupPlan,
    /// The model, not loaded by any process yet.
    pub(crate) located: LocatedModel,
    /// The backend.
    pub(crate) backend: &'static Backend,
    /// The CPUs.
    pub(crate) topology: Topology,
}

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct WarmupSamples {
    pub(super) starts: StartSamples,
    pub(super) lengths: LengthSamples,
    pub(super) prefix: PrefixSamples,
    /// What became of the request to lock the model of this process.
    pub(super) lock: LockOutcome,
}

impl WarmupStudy {
    /// The parts that need the model in this process.
    fn measure_in_process(
        &self,
        model: &Model,
        samples: &mut WarmupSamples,
        context: &mut RunContext<'_, WarmupSamples>,
    ) -> Result<(), Failure> {
        let stop = context.stop;
        let warm_session = || {
            let mut session = model.session(&self.plan.conventions().context())?;
            session.warm_up(16, 1, stop)?;
            Ok::<_, Failure>(session)
        };
        let mut session = warm_session()?;
        if self.plan.lengths {
            lengths::measure(&self.plan, (model, &mut session), samples, context)?;
        }
        if self.plan.prefix {
            let mut keeping = warm_session()?;
            prefix::measure(&self.plan, model, (&mut session, &mut keeping), samples, context)?;
        }
        Ok(())
    }
}

impl Study for WarmupStudy {
    type Data = WarmupSamples;
    /// Nothing: each start has its own process, and the model must not be loaded before.
    type Target = ();

    fn manifest(&self, (): &()) -> Result<RunManifest, Failure> {
        let facts = &self.located.facts;
        let warnings = facts.concerns(self.plan.n_ctx.into()).into_iter().chain(self.backend.vector_units());
        Ok(RunManifest {
            command: "warmup",
            plan: planned(&self.plan)?,
            subject: json!({
                "model_filename": self.located.name(),
                "found_by": self.located.found_by,
                "header_hash": facts.header_hash,
                "quantisation": facts.quantisation,
                "memory_lock_limit_bytes": host::memory_lock_limit(),
                "system_info": self.backend.system_info(),
                "backend_files": self.backend.notable_files(),
            }),
            simulated: self.located.simulated(),
            warnings: warnings.chain(oversubscribed(self.plan.n_threads, &self.topology)).collect(),
        })
    }

    fn run(
        &self,
        (): &mut (),
        samples: &mut WarmupSamples,
        context: &mut RunContext<'_, WarmupSamples>,
    ) -> Result<StopReason, Failure> {
        if self.plan.start {
            starts::measure(&self.plan, &self.located.path, samples, context)?;
            for kind in Readiness::ALL {
                context.complete_case(samples, &start_path(kind))?;
            }
        }
        if self.plan.lengths || self.plan.prefix {
            let WarmupPlan { n_gpu_layers, use_mlock, .. } = self.plan;
            let placement = Placement { n_gpu_layers: Some(n_gpu_layers), use_mmap: true, mlock: use_mlock };
            let model = load(self.backend, &self.located.path, &placement, context.observer, context.stop)?;
            samples.lock = model.facts().lock();
            self.measure_in_process(&model, samples, context)?;
        }
        Ok(StopReason::Planned)
    }

    fn cases(&self, samples: &WarmupSamples, end: Option<StopReason>) -> Vec<Case> {
        let cut_off = end.is_some_and(StopReason::cuts_off);
        let starts =
            if self.plan.start { start_cases::cases(&self.plan, &samples.starts, cut_off) } else { Vec::new() };
        let lengths = lengths::cases(&self.plan, &samples.lengths, cut_off);
        [starts, lengths, prefix::cases(&self.plan, &samples.prefix, cut_off)].concat()
    }

    fn findings(&self, samples: &WarmupSamples, run: &Run, _: StopReason) -> Vec<String> {
        findings(&self.plan, samples, &run.cases)
    }

    fn histograms(&self, samples: &WarmupSamples) -> Vec<CaseHistogram> {
        start_cases::histograms(&samples.starts)
    }

    fn warnings(&self, samples: &WarmupSamples) -> Vec<String> {
        let no_cold = samples.starts.no_cold_cache().map(|reason| format!("no cold starts: {reason}"));
        let lock = LockOutcome::worst(iter::once(&samples.lock).chain(samples.starts.locks()));
        no_cold.into_iter().chain(MemoryLock::of(self.plan.use_mlock, &lock).warning()).collect()
    }

    fn state(&self, samples: &WarmupSamples, cases: &[Case], end: StopReason) -> (RunState, Option<String>) {
        state(samples, cases, end)
    }

    fn advice(&self, _: &WarmupSamples, _: &Run) -> String {
        "--study names the parts to measure".into()
    }
}

/// A system that cannot empty its page cache does not fail the run: a warning says so, and the other figures are valid.
fn state(samples: &WarmupSamples, cases: &[Case], end: StopReason) -> (RunState, Option<String>) {
    let cold = start_path(Readiness::Cold);
    let others_are_well = failed_cases(cases).all(|case| case.path == cold);
    if end == StopReason::Planned && samples.starts.no_cold_cache().is_some() && others_are_well {
        return (RunState::Complete, None);
    }
    state_of_cases(cases, end)
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::super::starts::StartFault;
    use super::*;

    fn ended(faults: &[(Readiness, StartFault)], end: StopReason) -> (RunState, Option<String>) {
        let mut starts = planted::starts();
        for (kind, fault) in faults {
            starts.rounds.iter_mut().for_each(|round| drop(round.remove(kind)));
            starts.failed.insert(*kind, fault.clone());
        }
        let samples = WarmupSamples { starts, ..WarmupSamples::default() };
        let cases = start_cases::cases(&planted::plan(), &samples.starts, end.cuts_off());
        state(&samples, &cases, end)
    }

    #[test]
    fn missing_cold_cache_does_not_fail_the_run() {
        let no_cache = (Readiness::Cold, StartFault::PageCache("it is in memory".into()));
        let no_memory = |kind| (kind, StartFault::Process("no memory".into()));
        assert_eq!(ended(&[], StopReason::Planned), (RunState::Complete, None));
        assert_eq!(ended(std::slice::from_ref(&no_cache), StopReason::Planned), (RunState::Complete, None));
        assert_eq!(ended(std::slice::from_ref(&no_cache), StopReason::Interrupted).0, RunState::Interrupted);
        assert_eq!(ended(&[no_memory(Readiness::Cold)], StopReason::Planned).0, RunState::Failed);
        assert_eq!(ended(&[no_cache, no_memory(Readiness::Loaded)], StopReason::Planned).0, RunState::Failed);
    }
}
