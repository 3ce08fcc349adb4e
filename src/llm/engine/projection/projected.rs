//! Projections, as plain data.

use serde::{Deserialize, Serialize};

/// Where layers could be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementTarget {
    /// On the CPU only.
    Cpu,
    /// On the devices that llama.cpp would choose on this machine.
    Machine,
    /// On an absent GPU with this much memory.
    Card {
        /// Its memory, in bytes.
        memory_bytes: u64,
    },
}

impl PlacementTarget {
    /// The basis of a projection, as text.
    #[must_use]
    pub const fn basis(self) -> &'static str {
        match self {
            Self::Cpu => "projected by llama.cpp for the CPU alone",
            Self::Machine => "projected by llama.cpp for the devices of this machine",
            Self::Card { .. } => {
                "projected by llama.cpp for a GPU that is not in this machine, described like ggml's CUDA device"
            }
        }
    }
}

/// Memory by purpose, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectedBytes {
    /// Weights.
    pub model_bytes: u64,
    /// Of these, weights that are repacked for the CPU.
    #[serde(default)]
    pub repacked_bytes: u64,
    /// The KV cache and any other memory of a context.
    pub context_bytes: u64,
    /// Compute buffers.
    pub compute_bytes: u64,
}

impl ProjectedBytes {
    /// The sum.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.model_bytes.saturating_add(self.context_bytes).saturating_add(self.compute_bytes)
    }

    /// The sum of both, part by part.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            model_bytes: self.model_bytes.saturating_add(other.model_bytes),
            repacked_bytes: self.repacked_bytes.saturating_add(other.repacked_bytes),
            context_bytes: self.context_bytes.saturating_add(other.context_bytes),
            compute_bytes: self.compute_bytes.saturating_add(other.compute_bytes),
        }
    }
}

/// Projected memory on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectedDevice {
    /// Name in ggml.
    pub name: String,
    /// Its memory in bytes; `None` if ggml does not report it.
    pub memory_total_bytes: Option<u64>,
    /// Its free memory in bytes; `None` if ggml does not report it.
    pub memory_free_bytes: Option<u64>,
    /// Projected memory.
    pub bytes: ProjectedBytes,
}

/// One projected placement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// Layers on devices, including the output layer.
    pub n_gpu_layers: u32,
    /// Blocks of the model; the output layer can be placed as well.
    pub n_layer: u32,
    /// Context size in tokens, as rounded by llama.cpp.
    pub n_ctx: u32,
    /// The devices in llama.cpp's order, without the CPU. Empty if there are none.
    pub devices: Vec<ProjectedDevice>,
    /// Projected memory of the machine.
    pub host: ProjectedBytes,
}

impl Projection {
    /// Total on all devices, without the machine's memory.
    #[must_use]
    pub fn on_devices(&self) -> ProjectedBytes {
        self.devices.iter().fold(ProjectedBytes::default(), |sum, device| sum.plus(&device.bytes))
    }

    /// Total on devices and machine.
    #[must_use]
    pub fn everywhere(&self) -> ProjectedBytes {
        self.on_devices().plus(&self.host)
    }

    /// Whether all layers are on devices.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.devices.is_empty() && self.n_gpu_layers > self.n_layer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn projection_adds_up_its_parts() {
        let bytes = |model_bytes| ProjectedBytes { model_bytes, repacked_bytes: 1, context_bytes: 2, compute_bytes: 3 };
        let device = |model_bytes| ProjectedDevice {
            name: "CARD".into(),
            memory_total_bytes: None,
            memory_free_bytes: None,
            bytes: bytes(model_bytes),
        };
        let projection = Projection {
            n_gpu_layers: 3,
            n_layer: 2,
            n_ctx: 256,
            devices: vec![device(10), device(20)],
            host: bytes(100),
        };
        assert_eq!(
            projection.on_devices(),
            ProjectedBytes { model_bytes: 30, repacked_bytes: 2, context_bytes: 4, compute_bytes: 6 }
        );
        assert_eq!(projection.everywhere().total_bytes(), 145);
        assert!(projection.is_full());
        assert!(!Projection { n_gpu_layers: 2, ..projection.clone() }.is_full());
        assert!(!Projection { devices: Vec::new(), ..projection }.is_full());
    }
}
