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
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Weights => "weights",
        }
    }
}

/// What to try. A line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelCheckRequest {
    /// The model's file, the first of a split one.
    pub(crate) path: PathBuf,
    /// How far.
    pub(crate) depth: TrialDepth,
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
