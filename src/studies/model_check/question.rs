//! The request to the trial process, and its answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::llm::engine::TrialStep;

/// Depth of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrialDepth {
    /// Vocabulary and tensor table, for commands that read no weights.
    Header,
    /// Weights as well, for commands that compute.
    Weights,
}

impl TrialDepth {
    /// Its name.
    fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Weights => "weights",
        }
    }
}

/// How a command will use a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Use {
    /// Depth.
    pub(crate) depth: TrialDepth,
    /// Layers on the GPU, where the driver is involved and may crash as well.
    pub(crate) n_gpu_layers: u32,
}

impl Use {
    /// Only reads the header, and projects such a placement.
    pub(crate) fn header(n_gpu_layers: u32) -> Self {
        Self { depth: TrialDepth::Header, n_gpu_layers: here(n_gpu_layers) }
    }

    /// Computes with the weights.
    pub(crate) fn weights(n_gpu_layers: u32) -> Self {
        Self { depth: TrialDepth::Weights, n_gpu_layers: here(n_gpu_layers) }
    }

    /// Text under which a passed trial is remembered.
    pub(super) fn words(self) -> String {
        match self.n_gpu_layers {
            0 => self.depth.word().into(),
            layers => format!("{} with {layers} on the GPU", self.depth.word()),
        }
    }
}

/// Without a GPU backend, llama.cpp ignores the number of layers.
fn here(n_gpu_layers: u32) -> u32 {
    // With backends beside the program, a GPU add-on may be there.
    let may_have_gpu = cfg!(any(feature = "cuda", feature = "vulkan", feature = "metal", feature = "dynamic-backends"));
    if may_have_gpu { n_gpu_layers } else { 0 }
}

/// What to try, as one line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelCheckRequest {
    /// The model file; the first of a split model.
    pub(crate) path: PathBuf,
    /// The intended use.
    #[serde(flatten)]
    pub(crate) wanted: Use,
}

/// A line printed by the process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ModelCheckResponse {
    /// This step begins.
    Step(TrialStep),
    /// The trial passed.
    Good,
    /// llama.cpp rejects the file.
    Refused {
        /// The reason.
        reason: String,
    },
    /// Another error, which says nothing about the file.
    Undecided,
    /// Interrupted.
    Interrupted,
}
