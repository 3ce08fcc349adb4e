//! Memory of a placement according to llama.cpp, by location. Cache and buffers are projected before the weights are
//! loaded; where those are, llama.cpp's log says then.

use serde::Serialize;

use crate::llm::engine::{HostWeights, Projection};

/// Projected bytes of a life cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(clippy::struct_field_names)] // The names include the unit.
pub(super) struct ProjectedMemory {
    /// Weights that stay file-backed.
    pub(super) mapped_bytes: u64,
    /// Weights in process memory: read, or repacked for the CPU.
    pub(super) weights_bytes: u64,
    /// Of these, weights repacked for the CPU.
    pub(super) repacked_bytes: u64,
    /// KV cache in the machine's memory.
    pub(super) kv_bytes: u64,
    /// Compute buffers in the machine's memory.
    pub(super) compute_bytes: u64,
    /// Everything on devices.
    pub(super) device_bytes: u64,
    /// Memory that ggml's buffers on devices then held; `None` if unknown.
    pub(super) device_held_bytes: Option<u64>,
}

impl ProjectedMemory {
    /// Combines the projection, the current device memory, and where the weights are.
    pub(super) fn of(projection: &Projection, device_held_bytes: Option<u64>, host: HostWeights) -> Self {
        Self {
            mapped_bytes: host.mapped_bytes,
            weights_bytes: host.own_bytes,
            repacked_bytes: host.repacked_bytes,
            kv_bytes: projection.host.context_bytes,
            compute_bytes: projection.host.compute_bytes,
            device_bytes: projection.on_devices().total_bytes(),
            device_held_bytes,
        }
    }
}
