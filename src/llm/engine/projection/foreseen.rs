//! What was foreseen, as plain data.

use serde::{Deserialize, Serialize};

/// Where layers could go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Nowhere but the CPU.
    Cpu,
    /// The devices that llama.cpp would choose on this machine.
    Machine,
    /// A card that is not here, with so many bytes of memory.
    Card {
        /// Its memory, in bytes.
        memory_bytes: u64,
    },
}

impl Target {
    /// On what a projection rests, in words.
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

/// Memory by what it is for, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeseenBytes {
    /// Weights.
    pub model_bytes: u64,
    /// The cache of keys and values, and whatever else a context keeps.
    pub context_bytes: u64,
    /// Buffers of the computation.
    pub compute_bytes: u64,
}

impl ForeseenBytes {
    /// All of it.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        self.model_bytes.saturating_add(self.context_bytes).saturating_add(self.compute_bytes)
    }

    /// Both, part by part.
    #[must_use]
    pub const fn plus(&self, other: &Self) -> Self {
        Self {
            model_bytes: self.model_bytes.saturating_add(other.model_bytes),
            context_bytes: self.context_bytes.saturating_add(other.context_bytes),
            compute_bytes: self.compute_bytes.saturating_add(other.compute_bytes),
        }
    }
}

/// What one device would hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeseenDevice {
    /// Its name in ggml.
    pub name: String,
    /// Its memory in bytes; `None` where ggml does not tell.
    pub memory_total_bytes: Option<u64>,
    /// How much of that is free, in bytes; `None` where ggml does not tell.
    pub memory_free_bytes: Option<u64>,
    /// What it would hold.
    pub bytes: ForeseenBytes,
}

/// One placement, foreseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// Layers on devices, the output layer counted.
    pub n_gpu_layers: u32,
    /// Blocks of the model; one more layer can be placed.
    pub n_layer: u32,
    /// Tokens that the context holds, as llama.cpp rounds them.
    pub n_ctx: u32,
    /// The devices in llama.cpp's order, the CPU not among them. Empty where there is none.
    pub devices: Vec<ForeseenDevice>,
    /// What the memory of the machine would hold.
    pub host: ForeseenBytes,
}

impl Projection {
    /// What all devices would hold together, the memory of the machine not counted.
    #[must_use]
    pub fn on_devices(&self) -> ForeseenBytes {
        self.devices.iter().fold(ForeseenBytes::default(), |sum, device| sum.plus(&device.bytes))
    }

    /// What devices and machine would hold together.
    #[must_use]
    pub fn everywhere(&self) -> ForeseenBytes {
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
    fn parts_are_added_up() {
        let bytes = |model_bytes| ForeseenBytes { model_bytes, context_bytes: 2, compute_bytes: 3 };
        let device = |model_bytes| ForeseenDevice {
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
        assert_eq!(projection.on_devices(), ForeseenBytes { model_bytes: 30, context_bytes: 4, compute_bytes: 6 });
        assert_eq!(projection.everywhere().total_bytes(), 145);
        assert!(projection.is_full());
        assert!(!Projection { n_gpu_layers: 2, ..projection.clone() }.is_full());
        assert!(!Projection { devices: Vec::new(), ..projection }.is_full());
    }
}
