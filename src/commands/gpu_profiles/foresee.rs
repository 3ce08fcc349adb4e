//! Every placement of a model, foreseen, and what there is to fill.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::child;
use crate::advise::{MemoryBudget, PlacementOption, PlacementPick, pick};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host;
use crate::llm::engine::{
    Backend, ContextSpec, Device, DeviceKind, EngineError, Foreseeing, KvType, Projection, Target, project_all,
};
use crate::measure::{ForeseeRequest, PlacementAnswer, PlacementTask};
use crate::plan::{GpuProfilesPlan, KeptFree};
use crate::studies::worker_client::CalledOff as ChildEnd;

/// Every placement, and the choices beside it.
#[derive(Debug)]
pub(super) struct Foreseen {
    /// For what it was foreseen.
    pub(super) target: Target,
    /// The placements with the first context and the first type of cache, from no layer on.
    pub(super) first: Vec<Projection>,
    /// All placements with all contexts and types.
    pub(super) options: Vec<PlacementOption>,
    /// Milliseconds that all of it took.
    pub(super) took_ms: f64,
    /// That llama.cpp gave up on the devices of this machine, in a sentence.
    pub(super) gave_up: Option<String>,
}

/// The longest that foreseeing all placements with one context may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Foresees all placements with all contexts and types of cache. Where llama.cpp gives up on the devices of this machine, a
/// card of the same memory stands for them.
pub(super) fn foresee(
    backend: &'static Backend,
    path: &Path,
    plan: &GpuProfilesPlan,
    target: Target,
    stop: &AtomicBool,
) -> Result<Foreseen, Failure> {
    let clock = crate::clock::Clock::start();
    let mut foreseen = Foreseen { target, first: Vec::new(), options: Vec::new(), took_ms: 0.0, gave_up: None };
    for &kv in &plan.cache_types {
        for &n_ctx in &plan.contexts {
            let spec = plan.context(n_ctx, kv);
            let placements = if foreseen.target == Target::Machine {
                match on_this_machine(path, &spec, stop) {
                    Ok(placements) => Ok(placements),
                    Err(ChildEnd::Interrupted) => return Err(EngineError::Stopped { done: 0 }.into()),
                    Err(ChildEnd::Failed(why)) => {
                        let memory_bytes = gpus(backend).iter().filter_map(|device| device.memory_total_bytes).sum();
                        foreseen.target = Target::Card { memory_bytes };
                        foreseen.gave_up = Some(format!(
                            "llama.cpp could not foresee the placements on the GPU of this machine ({why}); they are those of \
                             a card of the same memory, described as ggml's CUDA device is."
                        ));
                        foreseen.options.clear();
                        foreseen.first.clear();
                        project_all(backend, path, &spec, foreseen.target, foreseeing(stop))
                    }
                }
            } else {
                project_all(backend, path, &spec, foreseen.target, foreseeing(stop))
            };
            match placements {
                Ok(placements) => foreseen.add(placements, kv),
                Err(error @ EngineError::Stopped { .. }) => return Err(error.into()),
                // A cache that this model cannot have is none to choose from, unless it is the one that was asked for.
                Err(_) if !foreseen.first.is_empty() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    foreseen.took_ms = clock.now_ns() as f64 / 1e6;
    Ok(foreseen)
}

/// On as many threads as this process may use CPUs, until Ctrl-C.
pub(crate) fn foreseeing(stop: &AtomicBool) -> Foreseeing<'_> {
    let cpus = host::topology().usable_cpus().value().copied();
    Foreseeing { workers: cpus.and_then(|cpus| usize::try_from(cpus).ok()).unwrap_or(1), stop }
}

/// Every placement with one context on the devices of this machine, in a process of its own.
fn on_this_machine(path: &Path, spec: &ContextSpec, stop: &AtomicBool) -> Result<Vec<Projection>, ChildEnd> {
    let task = PlacementTask::Foresee(ForeseeRequest {
        path: path.to_owned(),
        n_ctx: spec.n_ctx,
        n_batch: spec.n_batch,
        n_ubatch: spec.n_ubatch,
        kv_type: spec.type_k.name().into(),
        flash_attn: spec.flash_attention.name().into(),
    });
    match child::ask(&task, WITHIN, stop, |_, _| ())? {
        PlacementAnswer::Foreseen(placements) if !placements.is_empty() => Ok(placements),
        _ => Err(ChildEnd::Failed("its process answered something else".into())),
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

impl Foreseen {
    fn add(&mut self, placements: Vec<Projection>, kv: KvType) {
        self.options.extend(placements.iter().map(|placement| option(placement, kv)));
        if self.first.is_empty() {
            self.first = placements;
        }
    }

    /// Layers that can be placed, the output layer counted.
    pub(super) fn offloadable(&self) -> u32 {
        self.first.first().map_or(1, |placement| placement.n_layer + 1)
    }

    /// What so many layers take, with the first context and type of cache.
    pub(super) fn placement(&self, n_gpu_layers: u32) -> Option<&Projection> {
        self.first.get(n_gpu_layers.min(self.offloadable()) as usize)
    }

    /// The pick among everything that may be chosen.
    pub(super) fn pick(&self, budget: &MemoryBudget) -> Option<PlacementPick> {
        pick(&self.options, budget)
    }

    /// The pick among the placements with the first context and type of cache.
    pub(super) fn pick_first(&self, budget: &MemoryBudget) -> Option<PlacementPick> {
        pick(self.options.get(..self.first.len()).unwrap_or_default(), budget)
    }
}

/// The GPUs that layers can be placed on.
pub(super) fn gpus(backend: &Backend) -> Vec<Device> {
    let is_gpu = |device: &Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    backend.devices().into_iter().filter(is_gpu).collect()
}

/// What there is to fill on the GPUs of this machine, by ggml's account of their memory.
pub(super) fn budget(gpus: &[Device], plan: &GpuProfilesPlan) -> Result<MemoryBudget, Failure> {
    let sum = |bytes: fn(&Device) -> Option<u64>| gpus.iter().map(bytes).sum::<Option<u64>>();
    let told = sum(|device| device.memory_total_bytes).zip(sum(|device| device.memory_free_bytes));
    let Some((total_bytes, free_bytes)) = told else {
        let error = anyhow::anyhow!("a GPU does not tell its memory, so nothing can be said of what fits");
        return Err(Failure::new(Exit::Lacking, error).hint("--vram SIZE answers for a card of that size"));
    };
    let reserve_bytes = match plan.reserve {
        KeptFree::Bytes(bytes) => bytes,
        KeptFree::Measured => total_bytes.saturating_sub(free_bytes),
    };
    Ok(MemoryBudget { total_bytes, free_bytes, reserve_bytes })
}

/// The same for a card that is not here: all of it is free.
pub(super) fn card_budget(memory_bytes: u64, plan: &GpuProfilesPlan) -> Result<MemoryBudget, Failure> {
    match plan.reserve {
        KeptFree::Bytes(reserve_bytes) => {
            Ok(MemoryBudget { total_bytes: memory_bytes, free_bytes: memory_bytes, reserve_bytes })
        }
        KeptFree::Measured => {
            let error =
                anyhow::anyhow!("--reserve measured: what programs hold of a card that is not here cannot be read");
            Err(Failure::new(Exit::Lacking, error).hint("name the size, such as --reserve 1.5GiB"))
        }
    }
}
