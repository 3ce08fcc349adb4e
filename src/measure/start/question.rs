//! Measuring one start in a worker process: the request and the answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::conventions::ReplyConventions;
use crate::llm::engine::LockOutcome;

/// What is ready when the first message arrives. Each state includes the previous one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// A process, with nothing of the model in the page cache.
    Cold,
    /// The model file is in the page cache.
    Cached,
    /// The model is loaded.
    Loaded,
    /// A context exists.
    Context,
    /// The context has generated two tokens.
    Warmed,
}

impl Readiness {
    /// All states, coldest first.
    pub const ALL: [Self; 5] = [Self::Cold, Self::Cached, Self::Loaded, Self::Context, Self::Warmed];

    /// Name in paths.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Cached => "cached",
            Self::Loaded => "loaded",
            Self::Context => "context",
            Self::Warmed => "warmed",
        }
    }

    /// What it adds to the previous state.
    #[must_use]
    pub fn step(self) -> &'static str {
        match self {
            Self::Cold => "nothing",
            Self::Cached => "page_cache",
            Self::Loaded => "load",
            Self::Context => "context",
            Self::Warmed => "warm_generation",
        }
    }
}

/// What to measure, as one line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The model file.
    pub path: PathBuf,
    /// The state to measure.
    pub readiness: Readiness,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Whether the weights are locked in memory.
    pub use_mlock: bool,
    /// The context, and how replies are generated.
    pub conventions: ReplyConventions,
    /// The system prompt.
    pub system: String,
    /// The user's message, the same each time.
    pub message: String,
    /// Tokens per reply.
    pub n_gen: u32,
    /// Replies after the first.
    pub later: u32,
}

/// One reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTimes {
    /// Prompt length in tokens.
    pub n_prompt: usize,
    /// From the prompt to the first token, in nanoseconds.
    pub ttft_ns: u64,
    /// To the last token, in nanoseconds.
    pub elapsed_ns: u64,
}

/// The result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartOutcome {
    /// Share of the file that was in the page cache just before; `None` if the system does not report it.
    pub cached_share: Option<f64>,
    /// Time to load the model, in nanoseconds, whenever that happened.
    pub load_ns: u64,
    /// Time to create the context, in nanoseconds.
    pub context_ns: u64,
    /// Time to generate two tokens as a warm-up, in nanoseconds, if that was done.
    pub warm_generation_ns: Option<u64>,
    /// From the message to the first token, in nanoseconds, including everything that was not ready.
    pub wait_first_ns: u64,
    /// From the message to the last token of the reply, in nanoseconds.
    pub wait_ns: u64,
    /// The reply itself, without the preparation.
    pub first: ReplyTimes,
    /// The same reply again.
    pub later: Vec<ReplyTimes>,
    /// Time to load the model again in the same process afterwards, in nanoseconds.
    pub load_again_ns: u64,
    /// llama.cpp's description of the model.
    pub description: String,
    /// What became of the request to lock the weights, if there was one.
    pub lock: LockOutcome,
}

/// Phase of a worker process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartPhase {
    /// Preparing the state.
    Prepare,
    /// Answering the first message.
    Ask,
    /// Answering again.
    Later,
}

/// A line printed by the worker: the phase that begins, and finally the outcome or an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartResponse {
    /// This phase begins.
    Phase(StartPhase),
    /// The measurement.
    Measured(Box<StartOutcome>),
    /// The page cache could not be brought into the requested state.
    PageCache {
        /// The reason.
        reason: String,
    },
    /// llama.cpp reported an error, or memory ran out.
    Failed {
        /// The reason.
        reason: String,
    },
    /// Interrupted by the user.
    Interrupted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_ordered_and_have_distinct_names() {
        assert!(Readiness::ALL.is_sorted_by(|a, b| a < b && a.word() != b.word() && a.step() != b.step()));
        for readiness in Readiness::ALL {
            assert_eq!(serde_json::to_string(&readiness).unwrap(), format!("\"{}\"", readiness.word()));
        }
    }
}
