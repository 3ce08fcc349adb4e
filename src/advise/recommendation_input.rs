//! What a recommendation starts from: plain facts, handed over by whoever looked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::recommendation::{Basis, Objective};

/// The graphics card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Card {
    /// Nobody could tell whether there is one.
    NotKnown {
        /// Why.
        reason: String,
    },
    /// There is none that llama.cpp could use.
    None,
    /// There is one.
    Here {
        /// Its memory, in bytes.
        total_bytes: u64,
        /// What of it is free now, in bytes.
        free_bytes: Option<u64>,
    },
}

/// A GPU profile of the application, for this model and machine: what the application then runs with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileAsk {
    /// Its name in the configuration.
    pub name: String,
    /// Layers that it puts on a GPU, the output layer counted; `None` where it is not known how many the model has.
    pub layers: Option<u64>,
    /// Context in tokens.
    pub n_ctx: u64,
    /// Batch in tokens.
    pub n_batch: u64,
    /// Threads while generating.
    pub n_threads: u64,
    /// Threads while reading a prompt. The application never sets them, and llama-cpp-python then takes the logical CPUs of the
    /// machine; `None` where those are not known.
    pub n_threads_batch: Option<u64>,
}

/// What one profile's context takes on the card, for every number of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footprint {
    /// Context in tokens.
    pub n_ctx: u64,
    /// Batch in tokens.
    pub n_batch: u64,
    /// Type of the cache: `f16`, `q8_0`.
    pub kv_type: &'static str,
    /// Bytes on the card: the first with no layer on it, the last with all and the output layer.
    pub card_bytes: Vec<u64>,
}

/// The model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelNeeds {
    /// Its name, for people.
    pub name: String,
    /// Hash of its header, which ties runs to it.
    pub header_hash: String,
    /// Length of the file, in bytes.
    pub file_bytes: u64,
    /// Context that it was trained for.
    pub trained_context: Option<u64>,
    /// What the profiles take.
    pub footprints: Vec<Footprint>,
    /// Who says so.
    pub footprint_basis: Basis,
}

/// Everything that the rules look at, runs apart.
#[derive(Debug, Clone, PartialEq)]
pub struct RecommendationInput {
    /// What for.
    pub objective: Objective,
    /// Physical cores that this process may use.
    pub physical_cores: Option<u64>,
    /// CPUs that this process may use: affinity and quotas leave so many.
    pub logical_cpus: Option<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// The graphics card.
    pub card: Card,
    /// The model, where one was named.
    pub model: Option<ModelNeeds>,
    /// The application's profiles, as it lists them.
    pub profiles: Vec<ProfileAsk>,
    /// What the configuration has in `ai.gpu_profile`; `None` too where the application refuses the file.
    pub current_profile: Option<String>,
    /// What the configuration has in its `performance` section.
    pub current: Map<String, Value>,
}

impl RecommendationInput {
    /// The thread count that an earlier recommendation wrote under that key. Nobody obeys it: see [`super::ObeyedBy`].
    #[must_use]
    pub fn written_threads(&self, key: &str) -> Option<u64> {
        self.current.get(key).and_then(Value::as_u64)
    }
}
