//! What the process is asked, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::llm::engine::TrialStep;

/// How far a model is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrialDepth {
    /// Its vocabulary and its tensors' table, for commands that read no weight.
    Header,
    /// Its weights too, for commands that compute.
    Weights,
}

impl TrialDepth {
    /// Its word.
    fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Weights => "weights",
        }
    }
}

/// What a command will do with a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    /// How far.
    pub(crate) depth: TrialDepth,
    /// Layers on the GPU: there the driver takes part, which may end the process too.
    pub(crate) n_gpu_layers: u32,
}

impl Use {
    /// It reads the header alone, and foresees such a placement.
    pub(crate) fn header(n_gpu_layers: u32) -> Self {
        Self { depth: TrialDepth::Header, n_gpu_layers: here(n_gpu_layers) }
    }

    /// It computes with the weights.
    pub(crate) fn weights(n_gpu_layers: u32) -> Self {
        Self { depth: TrialDepth::Weights, n_gpu_layers: here(n_gpu_layers) }
    }

    /// What is remembered of a model that stood it.
    pub(super) fn words(self) -> String {
        match self.n_gpu_layers {
            0 => self.depth.word().into(),
            layers => format!("{} with {layers} on the GPU", self.depth.word()),
        }
    }
}

/// Without a backend for it, llama.cpp leaves the GPU alone whatever it is asked.
fn here(n_gpu_layers: u32) -> u32 {
    if cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal")) { n_gpu_layers } else { 0 }
}

/// What to try. A line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelCheckRequest {
    /// The model's file, the first of a split one.
    pub(crate) path: PathBuf,
    /// What for.
    #[serde(flatten)]
    pub(crate) wanted: Use,
}

/// A line that the process prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelCheckAnswer {
    /// It begins with that now.
    Step(TrialStep),
    /// All went well.
    Good,
    /// llama.cpp does not take the file.
    Refused {
        /// In words.
        reason: String,
    },
    /// Something else went wrong, which says nothing of the file.
    Undecided,
    /// It was called off.
    Interrupted,
}
