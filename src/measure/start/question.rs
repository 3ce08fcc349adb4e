//! One start in a process of its own: what it is asked, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What is ready when somebody asks for the first reply. Each has everything that the one before has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// A process, and nothing of the model in the page cache.
    Cold,
    /// The model's file is in the page cache.
    Cached,
    /// The model is loaded.
    Loaded,
    /// There is a context.
    Context,
    /// The context has generated two tokens.
    Warmed,
}

impl Readiness {
    /// All of them, the coldest first.
    pub const ALL: [Self; 5] = [Self::Cold, Self::Cached, Self::Loaded, Self::Context, Self::Warmed];

    /// Its word.
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

    /// What it has that the one before has not.
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

/// What to measure. A line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRequest {
    /// The model's file.
    pub path: PathBuf,
    /// What is to be ready.
    pub readiness: Readiness,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Tokens of context.
    pub n_ctx: u32,
    /// Threads.
    pub n_threads: u32,
    /// The system prompt.
    pub system: String,
    /// What is said, each time.
    pub message: String,
    /// Tokens of each reply.
    pub n_gen: u32,
    /// Replies after the first.
    pub later: u32,
}

/// One reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTimes {
    /// Tokens of the prompt.
    pub n_prompt: usize,
    /// From the prompt to the first token, in nanoseconds.
    pub ttft_ns: u64,
    /// To the last token.
    pub elapsed_ns: u64,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StartOutcome {
    /// The share of the file that was in the page cache just before; `None` where the system cannot tell.
    pub cached_share: Option<f64>,
    /// Loading the model, in nanoseconds, whenever it took place.
    pub load_ns: u64,
    /// Making the context.
    pub context_ns: u64,
    /// Generating two tokens to warm up, where that was done.
    pub warm_generation_ns: Option<u64>,
    /// From being asked until the first token: whatever was not ready is in it.
    pub wait_first_ns: u64,
    /// From being asked until the last token of the reply.
    pub wait_ns: u64,
    /// The reply itself, without what had to be made ready.
    pub first: ReplyTimes,
    /// The same reply again.
    pub later: Vec<ReplyTimes>,
    /// Loading the model again in the same process, after all that.
    pub load_again_ns: u64,
    /// What llama.cpp calls the model.
    pub description: String,
}

/// What a process is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartPhase {
    /// Making ready what is to be ready.
    Prepare,
    /// Being asked.
    Ask,
    /// Replying again.
    Later,
}

/// A line that a process prints: what it begins, and at last its outcome, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartAnswer {
    /// It begins with that now.
    Phase(StartPhase),
    /// It was measured.
    Measured(Box<StartOutcome>),
    /// The page cache could not be brought into the state that was asked for.
    PageCache {
        /// In words.
        reason: String,
    },
    /// llama.cpp refused, or there was no memory.
    Failed {
        /// In words.
        reason: String,
    },
    /// It was called off.
    Interrupted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_readier_than_the_one_before_and_has_a_word_of_its_own() {
        assert!(Readiness::ALL.is_sorted_by(|a, b| a < b && a.word() != b.word() && a.step() != b.step()));
        for readiness in Readiness::ALL {
            assert_eq!(serde_json::to_string(&readiness).unwrap(), format!("\"{}\"", readiness.word()));
        }
    }
}
