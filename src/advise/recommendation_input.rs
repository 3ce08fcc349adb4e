//! The input of a recommendation: plain facts, collected by the caller.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::recommendation::{Basis, Objective};

/// The GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GpuInput {
    /// It is not known whether there is one.
    NotKnown {
        /// Why.
        reason: String,
    },
    /// There is none that llama.cpp can use.
    None,
    /// There is one.
    Here {
        /// Its memory, in bytes.
        total_bytes: u64,
        /// Its free memory, in bytes.
        free_bytes: Option<u64>,
    },
}

/// A GPU profile of the application for this model and machine: what the application then runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileRequirement {
    /// Its name in the configuration.
    pub name: String,
    /// Layers on a GPU, including the output layer; `None` if the number of layers is not known.
    pub layers: Option<u64>,
    /// Context in tokens.
    pub n_ctx: u64,
    /// Batch in tokens.
    pub n_batch: u64,
    /// Threads while generating.
    pub n_threads: u64,
    /// Threads while processing a prompt. The application never sets them, and llama-cpp-python then uses the machine's
    /// logical CPUs; `None` if those are not known.
    pub n_threads_batch: Option<u64>,
}

/// GPU memory of one profile's context, for every number of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextFootprint {
    /// Context in tokens.
    pub n_ctx: u64,
    /// Batch in tokens.
    pub n_batch: u64,
    /// Type of the KV cache: `f16`, `q8_0`.
    pub kv_type: &'static str,
    /// Bytes on the GPU: first with no layer on it, last with all layers and the output layer.
    pub card_bytes: Vec<u64>,
}

/// The model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelNeeds {
    /// Its display name.
    pub name: String,
    /// Hash of its header, which links runs to it.
    pub header_hash: String,
    /// Size of the file, in bytes.
    pub file_bytes: u64,
    /// Its trained context, in tokens.
    pub trained_context: Option<u64>,
    /// The memory use of the profiles.
    pub footprints: Vec<ContextFootprint>,
    /// Basis of these figures.
    pub footprint_basis: Basis,
}

/// Everything that the rules use, except runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationInput {
    /// The objective.
    pub objective: Objective,
    /// Physical cores that this process may use.
    pub physical_cores: Option<u64>,
    /// CPUs that this process may use, after affinity and quotas.
    pub logical_cpus: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// The GPU.
    pub card: GpuInput,
    /// The model, if one was given.
    pub model: Option<ModelNeeds>,
    /// The application's profiles, in its order.
    pub profiles: Vec<ProfileRequirement>,
    /// The configured `ai.gpu_profile`; also `None` if the application refuses the file.
    pub current_profile: Option<String>,
    /// The configuration's `performance` section.
    pub current: Map<String, Value>,
}

impl RecommendationInput {
    /// The thread count that an earlier recommendation wrote under that key. Currently no program obeys it: see
    /// [`super::ObeyedBy`].
    #[must_use]
    pub fn written_threads(&self, key: &str) -> Option<u64> {
        self.current.get(key).and_then(Value::as_u64)
    }
}
