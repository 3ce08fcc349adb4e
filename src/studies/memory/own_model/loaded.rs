//! The life cycle until the conversation: start, backend, model, context. Memory is read after each step.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::super::setup::LocatedModel;
use super::super::gpu_memory::GpuMemoryReader;
use super::life_cycle::{LifeCycleStep, timed};
use super::projected::ProjectedMemory;
use super::study::OwnModelStudy;
use crate::failure::Failure;
use crate::llm::engine::{Backend, ContextSpec, Model, ModelSession, Placement, PlacementTarget, Projection, project};
use crate::plan::{ConversationPlan, oversubscribed};
use crate::record::Topology;

/// A model that was loaded while memory was recorded.
pub(crate) struct TracedModel {
    pub(super) plan: ConversationPlan,
    pub(super) located: LocatedModel,
    pub(super) model: Model,
    pub(super) projection: Projection,
    pub(super) gpus: Option<GpuMemoryReader>,
    /// Warnings about the number of threads.
    pub(super) thread_warnings: Vec<String>,
    pub(super) backend: &'static Backend,
    steps: Vec<LifeCycleStep>,
}

impl TracedModel {
    /// Starts the backend and loads the model.
    pub(crate) fn load(
        plan: ConversationPlan,
        located: LocatedModel,
        topology: &Topology,
        reads_gpu_memory: bool,
        stop: &AtomicBool,
    ) -> Result<Self, Failure> {
        // Opened before the first step, so that the memory of the driver's library is not part of any growth.
        let gpus = reads_gpu_memory.then(GpuMemoryReader::of_driver);
        let mut steps = vec![LifeCycleStep::after("start", 0, gpus.as_ref())];
        let (backend, took_ns) = timed(Backend::start);
        let backend = backend?;
        let gpus = gpus.map(|gpus| gpus.or_ggml(backend));
        let projection = project(backend, &located.path, plan.n_gpu_layers, &context(&plan), PlacementTarget::Machine)?;
        steps.push(LifeCycleStep::after("backend", took_ns, gpus.as_ref()));
        let placement =
            Placement { n_gpu_layers: Some(plan.n_gpu_layers), use_mmap: plan.use_mmap, mlock: plan.use_mlock };
        let goes_on = |_: f32| !stop.load(Ordering::Relaxed);
        let (model, took_ns) = timed(|| Model::load(backend, &located.path, &placement, &mut { goes_on }));
        let model = model?;
        steps.push(LifeCycleStep::after("model", took_ns, gpus.as_ref()));
        let thread_warnings = oversubscribed(plan.n_threads, topology).into_iter().collect();
        Ok(Self { plan, located, model, projection, gpus, thread_warnings, backend, steps })
    }

    /// Creates the context, which completes the life cycle.
    pub(crate) fn open(&self) -> Result<(OwnModelStudy<'_>, ModelSession<'_>), Failure> {
        let (session, took_ns) = timed(|| self.model.session(&context(&self.plan)));
        let session = session?;
        let mut steps = self.steps.clone();
        steps.push(LifeCycleStep::after("context", took_ns, self.gpus.as_ref()));
        let held = session.held(self.plan.n_gpu_layers).ok().map(|held| held.on_devices().total_bytes());
        let projected = ProjectedMemory::of(&self.projection, held, self.model.facts().weights);
        Ok((OwnModelStudy { loaded: self, steps, projected }, session))
    }
}

fn context(plan: &ConversationPlan) -> ContextSpec {
    ContextSpec {
        n_ctx: plan.n_ctx,
        n_threads: plan.n_threads,
        n_threads_batch: plan.n_threads,
        ..ContextSpec::default()
    }
}
