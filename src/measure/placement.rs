//! One placement, measured in a process of its own: what it is asked, what it answers, and the measuring in between.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tokens::TokenSample;
use crate::llm::engine::{ForeseenDevice, Projection};

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementRequest {
    /// The model's file.
    pub path: PathBuf,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Tokens of context.
    pub n_ctx: u32,
    /// Tokens handed over at once.
    pub n_batch: u32,
    /// Tokens computed at once.
    pub n_ubatch: u32,
    /// How keys and values are stored.
    pub kv_type: String,
    /// Flash attention.
    pub flash_attn: String,
    /// Threads.
    pub n_threads: u32,
    /// Tokens of the prompt.
    pub n_prompt: u32,
    /// Tokens to generate.
    pub n_gen: u32,
}

/// What to foresee: every placement of a model, with one context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeseeRequest {
    /// The model's file.
    pub path: PathBuf,
    /// Tokens of context.
    pub n_ctx: u32,
    /// Tokens handed over at once.
    pub n_batch: u32,
    /// Tokens computed at once.
    pub n_ubatch: u32,
    /// How keys and values are stored.
    pub kv_type: String,
    /// Flash attention.
    pub flash_attn: String,
}

/// What a placement's process is to do. A line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementTask {
    /// Measure one placement.
    Measure(PlacementRequest),
    /// Foresee all of them on the devices of this machine: some devices end the process when they are asked for more than
    /// they can have.
    Foresee(ForeseeRequest),
}

/// What was measured. A line of JSON on standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlacementOutcome {
    /// What llama.cpp calls the model.
    pub description: String,
    /// Parameters.
    pub n_params: u64,
    /// All of its tensors, in bytes.
    pub size_bytes: u64,
    /// From before loading until llama.cpp had the model, in nanoseconds.
    pub load_ns: u64,
    /// Until a context was there as well, in nanoseconds.
    pub ready_ns: u64,
    /// What ggml's buffers hold, device by device.
    pub held: Projection,
    /// The devices before anything was loaded.
    pub before: Vec<ForeseenDevice>,
    /// The same after the last token.
    pub after: Vec<ForeseenDevice>,
    /// Prompt processing.
    pub prompt: TokenSample,
    /// Generation.
    pub generation: TokenSample,
    /// Anonymous memory of the process after the last token, in bytes; `None` where the system cannot tell.
    pub rss_anon_bytes: Option<u64>,
    /// What llama.cpp warned of.
    pub warnings: Vec<String>,
}

impl PlacementOutcome {
    /// By how much the free memory of the devices fell, in bytes, whoever took it; `None` where a device does not tell, or other
    /// programs gave back more than was taken. A driver that says that all is free while a model lies there does not tell.
    #[must_use]
    pub fn device_delta_bytes(&self) -> Option<u64> {
        let mut sum = None;
        for before in &self.before {
            let after = self.after.iter().find(|after| after.name == before.name)?;
            let total = after.memory_total_bytes;
            let (before, after) =
                (before.memory_free_bytes?, after.memory_free_bytes.filter(|free| Some(*free) < total)?);
            sum = Some(sum.unwrap_or(0_u64) + before.checked_sub(after)?);
        }
        sum
    }
}

/// What a placement's process is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementPhase {
    /// Loading, making a context.
    Load,
    /// Warming up.
    WarmUp,
    /// Processing the prompt.
    Prompt,
    /// Generating.
    Generation,
    /// Nothing any more; the outcome follows.
    Done,
}

/// A line that a placement's process prints: what it begins, and at last its outcome, or why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementAnswer {
    /// It begins with that now.
    Phase(PlacementPhase),
    /// They were foreseen.
    Foreseen(Vec<Projection>),
    /// It was measured.
    Measured(Box<PlacementOutcome>),
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
    use crate::llm::engine::ForeseenBytes;

    fn device(name: &str, free: Option<u64>) -> ForeseenDevice {
        ForeseenDevice {
            name: name.into(),
            memory_total_bytes: Some(100),
            memory_free_bytes: free,
            bytes: ForeseenBytes::default(),
        }
    }

    fn outcome(before: Vec<ForeseenDevice>, after: Vec<ForeseenDevice>) -> PlacementOutcome {
        let sample = TokenSample {
            is_cut: false,
            began_ns: 0,
            ended_ns: 1,
            tokens: 1,
            elapsed_ns: 1,
            ttft_ns: None,
            inter_token_ns: Vec::new(),
            cpu_ns: None,
        };
        PlacementOutcome {
            description: String::new(),
            n_params: 0,
            size_bytes: 0,
            load_ns: 1,
            ready_ns: 2,
            held: Projection {
                n_gpu_layers: 0,
                n_layer: 1,
                n_ctx: 256,
                devices: Vec::new(),
                host: ForeseenBytes::default(),
            },
            before,
            after,
            prompt: sample.clone(),
            generation: sample,
            rss_anon_bytes: None,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn what_was_taken_is_what_is_no_longer_free() {
        let delta = |before, after| outcome(before, after).device_delta_bytes();
        let two = |a, b| vec![device("A", Some(a)), device("B", Some(b))];
        assert_eq!(delta(two(90, 80), two(60, 79)), Some(31));
        assert_eq!(delta(Vec::new(), Vec::new()), None);
        assert_eq!(delta(vec![device("A", None)], vec![device("A", None)]), None);
        assert_eq!(delta(two(90, 80), two(91, 80)), None);
        assert_eq!(delta(two(100, 100), two(100, 100)), None, "a driver without a budget repeats the total");
        assert_eq!(delta(two(90, 80), vec![device("A", Some(60))]), None);
    }

    #[test]
    fn an_answer_is_read_back() {
        let answer = PlacementAnswer::Measured(Box::new(outcome(Vec::new(), Vec::new())));
        let text = serde_json::to_string(&answer).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<PlacementAnswer>(&text).unwrap(), answer);
    }
}
