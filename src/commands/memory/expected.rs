//! What llama.cpp says that a placement takes, apart by where it lies: foreseen before the weights are loaded, and, for the
//! split of the weights, said while they are.

use serde::Serialize;

use crate::llm::engine::{Backend, LogLevel, Projection};

/// Bytes that a life cycle is expected to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[allow(clippy::struct_field_names)] // The unit is part of each name.
pub(super) struct Expected {
    /// Weights that stay pages of their file.
    pub(super) mapped_bytes: u64,
    /// Weights in memory of the process: read, or repacked for the CPU.
    pub(super) weights_bytes: u64,
    /// The cache of keys and values, in memory of the machine.
    pub(super) kv_bytes: u64,
    /// Buffers of the computation, in memory of the machine.
    pub(super) compute_bytes: u64,
    /// All of it that is on devices.
    pub(super) device_bytes: u64,
    /// What ggml's buffers on devices then held; `None` where it did not tell.
    pub(super) device_held_bytes: Option<u64>,
}

impl Expected {
    /// From what was foreseen, from what devices hold now, and from what llama.cpp has said since `position`.
    pub(super) fn of(
        projection: &Projection,
        device_held_bytes: Option<u64>,
        backend: &Backend,
        position: u64,
    ) -> Self {
        let said = backend.log().since(position, LogLevel::Info);
        let mapped: f64 = said.iter().filter_map(|line| mapped_mib(&line.text)).sum();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A size of memory.
        let mapped_bytes = ((mapped * 1024.0 * 1024.0) as u64).min(projection.host.model_bytes);
        Self {
            mapped_bytes,
            weights_bytes: projection.host.model_bytes - mapped_bytes,
            kv_bytes: projection.host.context_bytes,
            compute_bytes: projection.host.compute_bytes,
            device_bytes: projection.on_devices().total_bytes(),
            device_held_bytes,
        }
    }
}

/// The MiB of `load_tensors:   CPU_Mapped model buffer size =   135.94 MiB`.
fn mapped_mib(line: &str) -> Option<f64> {
    let (before, after) = line.split_once("_Mapped model buffer size =")?;
    before.contains("load_tensors").then(|| after.trim().strip_suffix("MiB")?.trim().parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_weights_are_told_from_others() {
        assert_eq!(mapped_mib("load_tensors:   CPU_Mapped model buffer size =   135.94 MiB"), Some(135.94));
        assert_eq!(mapped_mib("load_tensors:   CPU_REPACK model buffer size =    86.06 MiB"), None);
        assert_eq!(mapped_mib("load_tensors:          CPU model buffer size =   135.94 MiB"), None);
    }
}
