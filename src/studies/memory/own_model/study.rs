//! The study.

use serde_json::json;

use super::super::super::setup::MemoryLock;
use super::super::super::study::{RunContext, RunManifest, RunVerdict, StopReason, Study, planned};
use super::super::leak_metrics::verdict;
use super::cases::{cases, judge};
use super::findings::findings;
use super::life_cycle::{ConversationSamples, LifeCycleStep, converse};
use super::loaded::TracedModel;
use super::projected::ProjectedMemory;
use crate::failure::Failure;
use crate::llm::engine::ModelSession;
use crate::record::{Case, Run};

/// Memory of a model in this process: after each step of its life cycle, and over a conversation.
pub(crate) struct OwnModelStudy<'m> {
    /// The model.
    pub(super) loaded: &'m TracedModel,
    /// The steps until the context.
    pub(super) steps: Vec<LifeCycleStep>,
    /// Their projection by llama.cpp.
    pub(super) projected: ProjectedMemory,
}

impl<'m> Study for OwnModelStudy<'m> {
    type Data = ConversationSamples;
    type Target = ModelSession<'m>;

    fn manifest(&self, _: &ModelSession<'m>) -> Result<RunManifest, Failure> {
        let TracedModel { plan, located, model, projection, .. } = self.loaded;
        let facts = model.facts();
        let concerns = located.facts.concerns(plan.n_ctx.into()).into_iter();
        let warnings = concerns.chain(facts.warnings.iter().map(|line| line.text.clone()));
        let lock = MemoryLock::of(plan.use_mlock, &facts.lock());
        Ok(RunManifest {
            command: "memory",
            plan: planned(plan)?,
            subject: located.subject(
                facts,
                json!({
                    "projection": projection,
                    "expected": self.projected,
                    "memory_lock": lock,
                    "backend_files": self.loaded.backend.notable_files(),
                }),
            ),
            simulated: located.simulated(),
            warnings: warnings.chain(lock.warning()).chain(self.loaded.thread_warnings.iter().cloned()).collect(),
        })
    }

    fn run(
        &self,
        session: &mut ModelSession<'m>,
        data: &mut ConversationSamples,
        context: &mut RunContext<'_, ConversationSamples>,
    ) -> Result<StopReason, Failure> {
        let TracedModel { plan, model, gpus, .. } = self.loaded;
        let phase = context.observer.phase("messages", plan.messages.into());
        let stop = context.stop;
        let mut saved = 0;
        converse(plan, (model, session), gpus.as_ref(), (phase.counter(), stop), data, |data| {
            // Saved at each doubling, so that the cost per message stays small.
            if data.turns.len() < 2 * saved {
                return Ok(());
            }
            saved = data.turns.len();
            context.checkpoint(data)
        })
    }

    fn cases(&self, data: &ConversationSamples, end: Option<StopReason>) -> Vec<Case> {
        cases(&self.loaded.plan, &self.steps, &self.projected, data, end)
    }

    fn findings(&self, data: &ConversationSamples, _: &Run, _: StopReason) -> Vec<String> {
        let TracedModel { plan, gpus, model, .. } = self.loaded;
        let is_locked = plan.use_mlock && model.facts().lock_fault.is_none();
        findings(plan, &self.steps, &self.projected, data, gpus.as_ref(), is_locked)
    }

    fn verdict(&self, data: &ConversationSamples, _: &Run) -> RunVerdict {
        verdict(&judge(&self.loaded.plan, data))
    }
}
