//! The study.

use serde_json::{Value, json};

use super::super::setup::{LocatedModel, MemoryLock};
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned, state_of_cases};
use super::cases::{cases, histograms};
use super::data::{SweepResult, groups};
use super::engine::{LoadedModels, SweepEngine, priority_warning};
use super::error::SweepError;
use super::findings::findings;
use super::sweep::ThreadSweep;
use super::worker::has_wait_policies;
use crate::clock::ms;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, DeviceKind, LoadFacts, Model, Placement};
use crate::measure::WaitPolicy;
use crate::plan::{RoundLimit, ThreadsPlan, oversubscribed};
use crate::record::{Case, Run, RunState, Topology};

/// Speed by thread count, idle and next to a render-like load.
pub(crate) struct ThreadsStudy<'a> {
    /// The plan.
    pub(crate) plan: ThreadsPlan,
    /// The model, before loading.
    pub(crate) located: LocatedModel,
    /// The backend.
    pub(crate) backend: &'a Backend,
    /// The CPUs.
    pub(crate) topology: Topology,
}

impl ThreadsStudy<'_> {
    /// Placement of each model to load.
    pub(crate) fn placements(&self) -> Vec<Placement> {
        let placement = |use_mmap: &bool| Placement {
            n_gpu_layers: Some(self.plan.n_gpu_layers),
            use_mmap: *use_mmap,
            mlock: self.plan.use_mlock,
        };
        self.plan.mmap.iter().map(placement).collect()
    }

    /// The largest context needed.
    fn n_ctx(&self) -> u32 {
        self.plan.depths.iter().max().unwrap_or(&0) + self.plan.n_prompt.max(self.plan.n_gen) + 1
    }

    fn title(&self) -> String {
        let counts: Vec<String> = self.plan.counts.iter().map(|count| count.threads.to_string()).collect();
        format!("threads {}", counts.join(","))
    }

    /// Number of repetitions; 0 if unknown, as in a race or with a budget.
    fn steps(&self) -> u64 {
        match self.plan.rounds {
            RoundLimit::Repetitions(rounds) if self.plan.exhaustive => {
                u64::from(rounds) * (self.plan.settings().len() * groups(&self.plan).len()) as u64
            }
            _ => 0,
        }
    }

    /// Warnings known before measuring.
    fn warnings(&self, facts: &LoadFacts) -> Vec<String> {
        let mut warnings = self.located.facts.concerns(self.n_ctx().into());
        warnings.extend(self.backend.vector_units());
        warnings.extend(priority_warning(&self.plan));
        warnings.extend(facts.warnings.iter().map(|line| line.text.clone()));
        warnings.extend(self.lock(facts).warning());
        // If the machine itself has no more CPUs, the counts show that.
        if self.topology.usable_cpus() != self.topology.logical_cpus {
            let most = self.plan.counts.iter().map(|count| count.threads).max().unwrap_or(1);
            warnings.extend(oversubscribed(most, &self.topology));
        }
        warnings
    }

    fn lock(&self, facts: &LoadFacts) -> MemoryLock {
        MemoryLock::of(self.plan.use_mlock, &facts.lock())
    }

    /// The subject, with llama-bench's names if it has any.
    fn subject(&self, facts: &LoadFacts) -> Value {
        let (ggml_version, commit) = self.backend.versions();
        let devices = self.backend.devices();
        let others: Vec<_> = devices.iter().filter(|device| device.kind != DeviceKind::Cpu).collect();
        let more = json!({
            "load_ms": ms(facts.load_ns),
            "memory_lock": self.lock(facts),
            "backends": devices.iter().map(|device| device.backend.as_str()).collect::<Vec<_>>(),
            "cpu_info": host::machine().cpu,
            "gpu_info": others.iter().map(|device| device.description.as_str()).collect::<Vec<_>>().join(", "),
            "build_commit": commit,
            "build_number": 0,
            "ggml_version": ggml_version,
            "system_info": self.backend.system_info(),
            "backend_files": self.backend.notable_files(),
            "topology": self.topology,
            "sched_autogroup": host::autogroup(),
        });
        self.located.subject(facts, more)
    }
}

impl Study for ThreadsStudy<'_> {
    type Data = SweepResult;
    type Target = LoadedModels;

    fn manifest(&self, models: &LoadedModels) -> Result<RunManifest, Failure> {
        let Some(facts) = models.values().next().map(Model::facts) else {
            return Err(Failure::bug(anyhow::anyhow!("no model was loaded")));
        };
        Ok(RunManifest {
            command: "threads",
            plan: planned(&self.plan)?,
            subject: self.subject(facts),
            simulated: self.located.simulated(),
            warnings: self.warnings(facts),
        })
    }

    fn run(
        &self,
        models: &mut LoadedModels,
        data: &mut SweepResult,
        context: &mut RunContext<'_, SweepResult>,
    ) -> Result<StopReason, Failure> {
        if self.plan.waits.iter().any(|wait| *wait != WaitPolicy::Unset) && !has_wait_policies(self.backend) {
            return Err(SweepError::NoWaitPolicy.into());
        }
        let (engine, told) = SweepEngine::start(&self.plan, &self.located.path, models, context.stop)?;
        data.flash_attention = told;
        let phase = context.observer.phase(&self.title(), self.steps());
        let (clock, stop) = (context.clock, context.stop);
        let mut sweep =
            ThreadSweep { plan: &self.plan, engine, clock: &clock, stop, began_ns: 0, done: phase.counter() };
        sweep.run(data, |data| context.checkpoint(data))
    }

    fn cases(&self, data: &SweepResult, end: Option<StopReason>) -> Vec<Case> {
        cases(&self.plan, data, end)
    }

    fn findings(&self, data: &SweepResult, run: &Run, end: StopReason) -> Vec<String> {
        findings(&self.plan, data, run.noise().is_some_and(|noise| noise.is_disturbed()), end)
    }

    fn histograms(&self, data: &SweepResult) -> Vec<CaseHistogram> {
        histograms(&self.plan, data)
    }

    /// Cases for which the budget left no time are not failures.
    fn state(&self, _: &SweepResult, _: &[Case], end: StopReason) -> (RunState, Option<String>) {
        state_of_cases(&[], end)
    }
}
