//! Models, loaded once per placement required by the settings.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};

use super::super::gpu_memory_need::GpuMemoryNeed;
use super::super::responder::{ResponderConfig, WARM_TOKENS, context};
use super::super::worker::ResponderWorker;
use super::ModelSource;
use super::paced::{paced, paced_simulation, paced_subject};
use crate::advise::MemoryBudget;
use crate::clock::ms;
use crate::failure::Failure;
use crate::llm::engine::{Backend, Device, DeviceKind, Model, Placement, PlacementTarget, project};
use crate::measure::WaitPolicy;
use crate::plan::{CompanionSettings, PipelinePlan};
use crate::record::Simulation;
use crate::studies::Observer;
use crate::studies::model_check::Use;
use crate::studies::setup::{LocatedModel, MemoryLock, load, locate};
use crate::studies::threads::has_wait_policies;

/// A model file and its backend.
struct RealModel {
    located: LocatedModel,
    backend: &'static Backend,
}

/// A model, and where its weights were put.
struct PlacedModel {
    how: Loading,
    model: Model,
}

/// What two settings must share to share a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loading {
    /// Layers on the GPU; 0 without a device, where all numbers are the same model.
    layers: i64,
    use_mmap: bool,
    use_mlock: bool,
}

impl Loading {
    fn of(arm: &CompanionSettings, has_gpu: bool) -> Self {
        let layers = if has_gpu { arm.n_gpu_layers } else { 0 };
        Self { layers, use_mmap: arm.use_mmap, use_mlock: arm.use_mlock }
    }

    fn placement(self) -> Placement {
        let Self { layers, use_mmap, use_mlock } = self;
        Placement { n_gpu_layers: u32::try_from(layers).ok(), use_mmap, mlock: use_mlock }
    }
}

/// The models of all settings.
pub(crate) struct Models {
    real: Option<RealModel>,
    /// One model per placement.
    loaded: Vec<PlacedModel>,
    /// Whether there is a device for layers.
    has_gpu: bool,
    /// The process of each side that sets what waiting threads do, in the order of the plan.
    workers: Vec<Option<ResponderWorker>>,
    /// What the settings take of a GPU, in the order of the plan.
    cards: Vec<GpuMemoryNeed>,
}

impl Models {
    /// Loads the required models.
    pub(crate) fn ready(
        plan: &PipelinePlan,
        source: ModelSource<'_>,
        observer: &dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Self, Failure> {
        let mut models =
            Self { real: None, loaded: Vec::new(), has_gpu: false, workers: Vec::new(), cards: Vec::new() };
        if !plan.paced.is_empty() {
            return Ok(models);
        }
        // All layers (-1) becomes more than any model has.
        let layers = |arm: &CompanionSettings| u32::try_from(arm.n_gpu_layers).unwrap_or(u32::MAX >> 1);
        let most_layers = plan.arms.iter().map(|(_, arm)| layers(arm)).max().unwrap_or(0);
        let wanted = Use::weights(most_layers);
        let located = locate(source.model, source.config, wanted, observer, stop)?;
        let backend = Backend::start()?;
        let is_gpu = |device: &Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
        // Read before this program uses them.
        let gpus: Vec<Device> = backend.devices().into_iter().filter(is_gpu).collect();
        models.has_gpu = !gpus.is_empty();
        for (_, arm) in &plan.arms {
            let how = Loading::of(arm, models.has_gpu);
            if models.loaded.iter().all(|loaded| loaded.how != how) {
                let model = load(backend, &located.path, &how.placement(), observer, stop)?;
                models.loaded.push(PlacedModel { how, model });
            }
        }
        for (_, arm) in &plan.arms {
            models.workers.push(worker(&located.path, backend, arm, models.has_gpu, stop)?);
        }
        models.real = Some(RealModel { located, backend });
        models.cards = plan.arms.iter().map(|(_, arm)| models.card(plan, arm, &gpus)).collect::<Result<_, _>>()?;
        Ok(models)
    }

    /// The responder for the settings at this index of the plan.
    pub(in super::super) fn responder(&self, plan: &PipelinePlan, at: usize) -> ResponderConfig<'_> {
        let model = || self.model(&plan.arms[at].1);
        paced(&plan.paced, at).unwrap_or_else(|| match self.workers.get(at).and_then(Option::as_ref) {
            Some(worker) => ResponderConfig::Worker(model(), worker),
            None => ResponderConfig::Model(model()),
        })
    }

    fn model(&self, arm: &CompanionSettings) -> &Model {
        let how = Loading::of(arm, self.has_gpu);
        &self.loaded.iter().find(|loaded| loaded.how == how).unwrap_or(&self.loaded[0]).model
    }

    /// Counts the tokens of a text; `None` for simulated models, which have no vocabulary.
    pub(crate) fn tokens(&self) -> Option<impl Fn(&str) -> usize> {
        let loaded = self.loaded.first()?;
        Some(|text: &str| loaded.model.tokenize(text).len())
    }

    /// GPU memory of the settings, in the order of the plan.
    pub(in super::super) fn cards(&self) -> &[GpuMemoryNeed] {
        &self.cards
    }

    /// Projected for the named GPU; otherwise what llama.cpp's buffers take on this machine's GPUs.
    fn card(&self, plan: &PipelinePlan, arm: &CompanionSettings, gpus: &[Device]) -> Result<GpuMemoryNeed, Failure> {
        let Some(RealModel { located, backend }) = &self.real else {
            return Ok(GpuMemoryNeed::Unknown { reason: "a simulated model uses no GPU".into() });
        };
        let layers = u32::try_from(arm.n_gpu_layers).unwrap_or(u32::MAX);
        let reserve_bytes = plan.reserve_bytes;
        if let Some(memory_bytes) = plan.vram_bytes {
            let target = PlacementTarget::Card { memory_bytes };
            let placement = project(backend, &located.path, layers, &context(arm), target)?;
            return Ok(GpuMemoryNeed::Known {
                bytes: placement.on_devices().total_bytes(),
                basis: target.basis(),
                budget: MemoryBudget { total_bytes: memory_bytes, free_bytes: memory_bytes, reserve_bytes },
            });
        }
        let sum = |bytes: fn(&Device) -> Option<u64>| gpus.iter().map(bytes).sum::<Option<u64>>();
        let told = sum(|device| device.memory_total_bytes).zip(sum(|device| device.memory_free_bytes));
        let Some((total_bytes, free_bytes)) = told.filter(|_| !gpus.is_empty()) else {
            let reason = if gpus.is_empty() {
                "llama.cpp has no GPU here; --vram 6GiB projects it for a GPU of that size"
            } else {
                "a GPU does not report its memory"
            };
            return Ok(GpuMemoryNeed::Unknown { reason: reason.into() });
        };
        let held = self.model(arm).session(&context(arm))?.held(layers)?;
        Ok(GpuMemoryNeed::Known {
            bytes: held.on_devices().total_bytes(),
            basis: "the buffers that llama.cpp reports; the driver's figure for the process cannot separate the two \
                settings",
            budget: MemoryBudget { total_bytes, free_bytes, reserve_bytes },
        })
    }

    /// The models' part of the record's subject.
    pub(in super::super) fn subject(&self, plan: &PipelinePlan) -> Value {
        let Some(RealModel { located, backend }) = &self.real else { return paced_subject(plan) };
        let facts = self.loaded[0].model.facts();
        json!({
            "model_filename": located.name(),
            "model_found_by": located.found_by,
            "model_type": facts.description,
            "model_size": facts.size_bytes,
            "model_n_params": facts.n_params,
            "header_hash": located.facts.header_hash,
            "quantisation": located.facts.quantisation,
            "load_ms": self.loaded.iter().map(|loaded| ms(loaded.model.facts().load_ns)).collect::<Vec<_>>(),
            "memory_lock": self.locks().collect::<Vec<_>>(),
            "system_info": backend.system_info(),
            "backend_files": backend.notable_files(),
        })
    }

    /// Models that are not the user's own.
    pub(in super::super) fn simulated(&self, plan: &PipelinePlan) -> Vec<Simulation> {
        match &self.real {
            Some(real) => real.located.simulated(),
            None => vec![paced_simulation(&plan.paced)],
        }
    }

    /// Warnings about the models.
    pub(in super::super) fn warnings(&self, plan: &PipelinePlan) -> Vec<String> {
        let Some(RealModel { located, backend }) = &self.real else { return Vec::new() };
        let longest = plan.arms.iter().map(|(_, arm)| arm.n_ctx).max().unwrap_or(0);
        let said =
            self.loaded.iter().flat_map(|loaded| loaded.model.facts().warnings.iter().map(|line| line.text.clone()));
        let unlocked = self.locks().find_map(|lock| lock.warning());
        located
            .facts
            .concerns(longest.into())
            .into_iter()
            .chain(backend.vector_units())
            .chain(said)
            .chain(unlocked)
            .collect()
    }

    /// Whether each model is locked in memory.
    fn locks(&self) -> impl Iterator<Item = MemoryLock> {
        self.loaded.iter().map(|loaded| MemoryLock::of(loaded.how.use_mlock, &loaded.model.facts().lock()))
    }
}

/// The process of an arm that sets what waiting threads do: that is read when a process starts.
fn worker(
    path: &Path,
    backend: &Backend,
    arm: &CompanionSettings,
    has_gpu: bool,
    stop: &AtomicBool,
) -> Result<Option<ResponderWorker>, Failure> {
    if arm.wait_policy == WaitPolicy::Unset {
        return Ok(None);
    }
    if !has_wait_policies(backend) {
        return Err(Failure::lacking(anyhow::anyhow!(
            "this build's llama.cpp has threads of its own, which read no wait policy when the process starts"
        ))
        .hint("leave the setting wait_policy out; a build with OpenMP has wait policies"));
    }
    let layers = if has_gpu { u32::try_from(arm.n_gpu_layers).ok() } else { Some(0) };
    Ok(Some(ResponderWorker::start(path, layers, arm, WARM_TOKENS, stop)?))
}
