//! llama.cpp's projection of every placement of a model, and the available memory.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::worker_client::WorkerAbort;
use super::ask;
use crate::advise::{MemoryBudget, PlacementOption, PlacementPick, pick};
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{
    Backend, ContextSpec, Device, DeviceKind, EngineError, KvType, PlacementTarget, Projection, ProjectionOptions,
    project_all,
};
use crate::measure::{PlacementResponse, PlacementTask, ProjectionRequest};
use crate::plan::{GpuProfilesPlan, GpuReserve};

/// The projection of every placement, for every allowed context size and cache type.
#[derive(Debug, Clone)]
pub(super) struct Projections {
    /// The devices they are for.
    pub(super) target: PlacementTarget,
    /// The placements with the first context size and type of cache, starting without layers.
    pub(super) first: Vec<Projection>,
    /// All placements with all contexts and cache types.
    pub(super) options: Vec<PlacementOption>,
    /// Total time in milliseconds.
    pub(super) took_ms: f64,
    /// A sentence if llama.cpp could not project for the devices of this machine.
    pub(super) gave_up: Option<String>,
}

/// Time limit for projecting all placements with one context.
const WITHIN: Duration = Duration::from_secs(60);

/// Projects all placements with all contexts and cache types. If llama.cpp cannot do so for the devices of this
/// machine, an absent GPU with the same memory is projected instead.
pub(super) fn project_placements(
    backend: &'static Backend,
    path: &Path,
    plan: &GpuProfilesPlan,
    target: PlacementTarget,
    stop: &AtomicBool,
) -> Result<Projections, Failure> {
    let clock = crate::clock::Clock::start();
    let mut projections = Projections { target, first: Vec::new(), options: Vec::new(), took_ms: 0.0, gave_up: None };
    for &kv in &plan.cache_types {
        for &n_ctx in &plan.contexts {
            let spec = plan.context(n_ctx, kv);
            let placements = if projections.target == PlacementTarget::Machine {
                match on_this_machine(path, &spec, stop) {
                    Ok(placements) => Ok(placements),
                    Err(WorkerAbort::Interrupted) => return Err(EngineError::Stopped { done: 0 }.into()),
                    Err(WorkerAbort::Failed(why)) => {
                        let memory_bytes = gpus(backend).iter().filter_map(|device| device.memory_total_bytes).sum();
                        projections.target = PlacementTarget::Card { memory_bytes };
                        projections.gave_up = Some(format!(
                            "llama.cpp could not project the placements for the GPU of this machine ({why}). The \
                             figures are for a GPU with the same memory, described like ggml's CUDA device."
                        ));
                        projections.options.clear();
                        projections.first.clear();
                        project_all(backend, path, &spec, projections.target, foreseeing(stop))
                    }
                }
            } else {
                project_all(backend, path, &spec, projections.target, foreseeing(stop))
            };
            match placements {
                Ok(placements) => projections.add(placements, kv),
                Err(error @ EngineError::Stopped { .. }) => return Err(error.into()),
                // A cache type that this model does not support is left out, unless it was requested.
                Err(_) if !projections.first.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    projections.took_ms = clock.now_ns() as f64 / 1e6;
    Ok(projections)
}

/// On as many threads as usable CPUs, until stopped.
pub(super) fn foreseeing(stop: &AtomicBool) -> ProjectionOptions<'_> {
    let cpus = host::topology().usable_cpus().value().copied();
    ProjectionOptions { workers: cpus.and_then(|cpus| usize::try_from(cpus).ok()).unwrap_or(1), stop }
}

/// Every placement with one context on the devices of this machine, in a separate process.
fn on_this_machine(path: &Path, spec: &ContextSpec, stop: &AtomicBool) -> Result<Vec<Projection>, WorkerAbort> {
    let task = PlacementTask::Foresee(ProjectionRequest {
        path: path.to_owned(),
        n_ctx: spec.n_ctx,
        n_batch: spec.n_batch,
        n_ubatch: spec.n_ubatch,
        kv_type: spec.type_k.name().into(),
        flash_attn: spec.flash_attention.name().into(),
    });
    match ask::ask(&task, WITHIN, stop, |_, _| ())? {
        PlacementResponse::Foreseen(placements) if !placements.is_empty() => Ok(placements),
        _ => Err(WorkerAbort::Failed("its process gave an unexpected response".into())),
    }
}

fn option(placement: &Projection, kv: KvType) -> PlacementOption {
    PlacementOption {
        n_gpu_layers: placement.n_gpu_layers,
        n_ctx: placement.n_ctx,
        kv_type: kv.name().into(),
        kv_bits_x10: kv.bits_x10(),
        device_bytes: placement.on_devices().total_bytes(),
        host_bytes: placement.host.total_bytes(),
    }
}

impl Projections {
    fn add(&mut self, placements: Vec<Projection>, kv: KvType) {
        self.options.extend(placements.iter().map(|placement| option(placement, kv)));
        if self.first.is_empty() {
            self.first = placements;
        }
    }

    /// Layers that can be placed, including the output layer.
    pub(super) fn offloadable(&self) -> u32 {
        self.first.first().map_or(1, |placement| placement.n_layer + 1)
    }

    /// Memory of this number of layers, with the first context size and cache type.
    pub(super) fn placement(&self, n_gpu_layers: u32) -> Option<&Projection> {
        self.first.get(n_gpu_layers.min(self.offloadable()) as usize)
    }

    /// The pick among all options.
    pub(super) fn pick(&self, budget: &MemoryBudget) -> Option<PlacementPick> {
        pick(&self.options, budget)
    }

    /// The pick among the placements with the first context size and cache type.
    pub(super) fn pick_first(&self, budget: &MemoryBudget) -> Option<PlacementPick> {
        pick(self.options.get(..self.first.len()).unwrap_or_default(), budget)
    }
}

/// The GPUs that layers can be placed on.
pub(super) fn gpus(backend: &Backend) -> Vec<Device> {
    let is_gpu = |device: &Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    backend.devices().into_iter().filter(is_gpu).collect()
}

/// The memory available on the GPUs of this machine, as reported by ggml.
pub(super) fn budget(gpus: &[Device], plan: &GpuProfilesPlan) -> Result<MemoryBudget, Failure> {
    let sum = |bytes: fn(&Device) -> Option<u64>| gpus.iter().map(bytes).sum::<Option<u64>>();
    let told = sum(|device| device.memory_total_bytes).zip(sum(|device| device.memory_free_bytes));
    let Some((total_bytes, free_bytes)) = told else {
        let error = anyhow::anyhow!("a GPU does not report its memory, so what fits on it is unknown");
        return Err(Failure::lacking(error).hint("--vram SIZE projects for a GPU of that size"));
    };
    let reserve_bytes = match plan.reserve {
        GpuReserve::Bytes(bytes) => bytes,
        GpuReserve::Measured => total_bytes.saturating_sub(free_bytes),
    };
    Ok(MemoryBudget { total_bytes, free_bytes, reserve_bytes })
}

/// The same for an absent GPU: all of it is free.
pub(super) fn card_budget(memory_bytes: u64, plan: &GpuProfilesPlan) -> Result<MemoryBudget, Failure> {
    match plan.reserve {
        GpuReserve::Bytes(reserve_bytes) => Ok(empty_card(memory_bytes, reserve_bytes)),
        GpuReserve::Measured => {
            let error =
                anyhow::anyhow!("--reserve measured: memory in use can only be read from a GPU of this machine");
            Err(Failure::lacking(error).hint("give a size, such as --reserve 1.5GiB"))
        }
    }
}

/// A GPU without other use.
pub(super) fn empty_card(memory_bytes: u64, reserve_bytes: u64) -> MemoryBudget {
    MemoryBudget { total_bytes: memory_bytes, free_bytes: memory_bytes, reserve_bytes }
}
