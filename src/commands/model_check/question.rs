//! What the process is asked, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::llm::engine::TrialStep;

/// How far a model is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum TrialDepth {
    /// Its vocabulary and its tensors' table, for commands that read no weight.
    Header,
    /// Its weights too, for commands that compute.
    Weights,
}

impl TrialDepth {
    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Weights => "weights",
        }
    }
}

/// What to try. A line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ModelCheckRequest {
    /// The model's file, the first of a split one.
    pub(super) path: PathBuf,
    /// How far.
    pub(super) depth: TrialDepth,
}

/// A line that the process prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ModelCheckAnswer {
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
