//! What is measured, and what that requires.

use serde_json::{Value, json};

use super::projections::gpus;
use crate::failure::Failure;
use crate::host;
use crate::llm::ModelFacts;
use crate::llm::engine::{Backend, BackendFile, BackendFileState, PlacementTarget};
use crate::plan::{GpuProfilesPlan, ModelOrigin, SweepDepth};

/// Whether this build has a GPU backend at all.
const HAS_GPU_BACKEND: bool = cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal"));

/// Fails if the plan requires a GPU and there is none.
///
/// # Errors
/// Exit code 3, with what this build and this machine have.
pub(crate) fn check_gpu(plan: &GpuProfilesPlan, backend: &Backend) -> Result<(), Failure> {
    let is_demanded = match plan.depth {
        SweepDepth::Project => plan.require_gpu,
        SweepDepth::Measure => plan.demands_gpu(),
    };
    if !is_demanded || !gpus(backend).is_empty() {
        return Ok(());
    }
    let devices: Vec<String> = backend.devices().into_iter().map(|device| device.name).collect();
    let refused = backend.files().iter().find(|file| file.state == BackendFileState::Refused);
    let (cause, build) = match refused {
        Some(file) => (file.to_string(), "install what the reason names; "),
        None if HAS_GPU_BACKEND || backend.files().iter().any(BackendFile::is_loaded_add_on) => {
            ("there is a GPU backend, so the driver or the device is missing".into(), "")
        }
        None if backend.files().is_empty() => {
            ("built without CUDA, Vulkan and Metal".into(), "build with --features cuda or vulkan; ")
        }
        None => ("there is no GPU add-on beside the program".into(), "unpack a GPU add-on into the program's folder; "),
    };
    let error = anyhow::anyhow!(
        "there is no GPU that this build can place layers on: its devices are {} ({cause})",
        devices.join(", ")
    );
    let others = "--layers 0 measures the CPU, and --vram SIZE projects for a GPU of that size";
    Err(Failure::lacking(error).hint(format!("{build}{others}")))
}

/// Concerns about the model with the longest planned context.
pub(super) fn concerns(facts: &ModelFacts, plan: &GpuProfilesPlan) -> Vec<String> {
    facts.concerns(plan.contexts.iter().copied().max().unwrap_or(0).into())
}

/// The subject, with llama-bench's names where they exist.
pub(super) fn subject(
    name: &str,
    found_by: ModelOrigin,
    facts: &ModelFacts,
    backend: &Backend,
    target: PlacementTarget,
) -> Value {
    let (ggml_version, commit) = backend.versions();
    let devices = backend.devices();
    let gpus: Vec<String> = gpus(backend).into_iter().map(|device| device.description).collect();
    json!({
        "model_filename": name,
        "found_by": found_by,
        "model_type": format!("{} {}", facts.architecture, facts.quantisation),
        "model_size": facts.file_bytes - facts.header_bytes,
        "model_n_params": facts.parameters,
        "header_hash": facts.header_hash,
        "quantisation": facts.quantisation,
        "offloadable_layers": facts.offloadable_layers,
        "target": target,
        "basis": target.basis(),
        "backends": devices.iter().map(|device| device.backend.as_str()).collect::<Vec<_>>(),
        "cpu_info": host::machine().cpu,
        "gpu_info": gpus.join(", "),
        "build_commit": commit,
        "build_number": 0,
        "ggml_version": ggml_version,
        "system_info": backend.system_info(),
        "backend_files": backend.notable_files(),
    })
}
