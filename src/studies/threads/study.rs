//! The study.

use serde_json::{Value, json};

use super::super::setup::LocatedModel;
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned};
use super::cases::{cases, histograms};
use super::findings::findings;
use super::sweep::{Sweep, SweepError, SweepResult};
use crate::clock::ms;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{Backend, ContextSpec, DeviceKind, LoadFacts, Model, Placement};
use crate::plan::{Rounds, ThreadsPlan, oversubscribed};
use crate::record::{Case, Run, RunState, Topology};

/// Speed by the number of threads, idle and beside a render-like load.
pub(crate) struct ThreadsStudy<'a> {
    /// What is measured.
    pub(crate) plan: ThreadsPlan,
    /// The model, before it was loaded.
    pub(crate) located: LocatedModel,
    /// What computes.
    pub(crate) backend: &'a Backend,
    /// The CPUs.
    pub(crate) topology: Topology,
}

impl ThreadsStudy<'_> {
    /// Where the weights are to lie.
    pub(crate) fn placement(&self) -> Placement {
        Placement { n_gpu_layers: Some(self.plan.n_gpu_layers), use_mmap: self.plan.use_mmap, mlock: false }
    }

    fn context(&self) -> ContextSpec {
        ContextSpec {
            n_ctx: self.plan.n_prompt.max(self.plan.n_gen) + 1,
            n_batch: self.plan.n_batch,
            n_ubatch: self.plan.n_ubatch,
            ..ContextSpec::default()
        }
    }

    fn title(&self) -> String {
        let counts: Vec<String> = self.plan.counts.iter().map(|count| count.threads.to_string()).collect();
        format!("threads {}", counts.join(","))
    }

    /// Repetitions to come; unknown with a budget.
    fn steps(&self) -> u64 {
        match self.plan.rounds {
            Rounds::Repetitions(rounds) => {
                u64::from(rounds) * (self.plan.counts.len() * self.plan.loads.len() * 2) as u64
            }
            Rounds::BudgetS(_) => 0,
        }
    }

    /// What the reader must know before any figure.
    fn warnings(&self, facts: &LoadFacts) -> Vec<String> {
        let mut warnings = self.located.facts.concerns(self.context().n_ctx.into());
        warnings.extend(self.backend.vector_units());
        warnings.extend(facts.warnings.iter().map(|line| line.text.clone()));
        // Where the machine itself has no more, the counts say so.
        if self.topology.usable_cpus() != self.topology.logical_cpus {
            let most = self.plan.counts.iter().map(|count| count.threads).max().unwrap_or(1);
            warnings.extend(oversubscribed(most, &self.topology));
        }
        warnings
    }

    /// What was measured, under llama-bench's names where it has one.
    fn subject(&self, facts: &LoadFacts) -> Value {
        let (ggml_version, commit) = self.backend.versions();
        let devices = self.backend.devices();
        let others: Vec<_> = devices.iter().filter(|device| device.kind != DeviceKind::Cpu).collect();
        let more = json!({
            "load_ms": ms(facts.load_ns),
            "backends": devices.iter().map(|device| device.backend.as_str()).collect::<Vec<_>>(),
            "cpu_info": host::machine().cpu,
            "gpu_info": others.iter().map(|device| device.description.as_str()).collect::<Vec<_>>().join(", "),
            "build_commit": commit,
            "build_number": 0,
            "ggml_version": ggml_version,
            "system_info": self.backend.system_info(),
            "topology": self.topology,
        });
        self.located.subject(facts, more)
    }
}

impl Study for ThreadsStudy<'_> {
    type Data = SweepResult;
    type Target = Model;

    fn manifest(&self, model: &Model) -> Result<RunManifest, Failure> {
        Ok(RunManifest {
            command: "threads",
            plan: planned(&self.plan)?,
            subject: self.subject(model.facts()),
            simulated: self.located.simulated(),
            warnings: self.warnings(model.facts()),
        })
    }

    fn run(
        &self,
        model: &mut Model,
        data: &mut SweepResult,
        context: &mut RunContext<'_, SweepResult>,
    ) -> Result<StopReason, Failure> {
        let session = model.session(&self.context())?;
        let phase = context.observer.phase(&self.title(), self.steps());
        let (clock, stop) = (context.clock, context.stop);
        let mut sweep =
            Sweep { plan: &self.plan, model, session, clock: &clock, stop, began_ns: 0, done: phase.counter() };
        sweep.run(data, |data| context.checkpoint(data))
    }

    fn cases(&self, data: &SweepResult, end: Option<StopReason>) -> Vec<Case> {
        cases(&self.plan, data, end)
    }

    fn findings(&self, data: &SweepResult, run: &Run, end: StopReason) -> Vec<String> {
        findings(&self.plan, data, run.noise().is_disturbed(), end)
    }

    fn histograms(&self, data: &SweepResult) -> Vec<CaseHistogram> {
        histograms(&self.plan, data)
    }

    /// What the budget left no time for is no failure.
    fn state(&self, _: &SweepResult, _: &[Case], end: StopReason) -> (RunState, Option<String>) {
        if end == StopReason::Interrupted {
            (RunState::Interrupted, Some(super::super::ended_by()))
        } else {
            (RunState::Complete, None)
        }
    }
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Engine(error) => error.into(),
            SweepError::BudgetTooSmall { least_s, .. } => {
                let hint = format!(
                    "a single round takes about {:.0} s here: --budget {:.0}s or more, fewer counts with --sweep, or fewer tokens",
                    least_s.ceil(),
                    least_s.ceil()
                );
                Self::failed(error).hint(hint)
            }
            SweepError::Load(error) => Self::failed(error).hint("--under-load none measures without it"),
        }
    }
}
