//! Measuring one placement in a worker process: the request, the answers, and the outcome.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tokens::TokenSample;
use crate::llm::engine::{LockOutcome, ProjectedDevice, Projection};

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacementRequest {
    /// The model file.
    pub path: PathBuf,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Context size in tokens.
    pub n_ctx: u32,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens.
    pub n_ubatch: u32,
    /// Type of the KV cache.
    pub kv_type: String,
    /// Flash attention.
    pub flash_attn: String,
    /// Whether the weights on the CPU are locked in memory.
    pub use_mlock: bool,
    /// Number of threads.
    pub n_threads: u32,
    /// Prompt length in tokens.
    pub n_prompt: u32,
    /// Tokens to generate.
    pub n_gen: u32,
}

/// What to project: every placement of a model with one context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectionRequest {
    /// The model file.
    pub path: PathBuf,
    /// Context size in tokens.
    pub n_ctx: u32,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens.
    pub n_ubatch: u32,
    /// Type of the KV cache.
    pub kv_type: String,
    /// Flash attention.
    pub flash_attn: String,
}

/// Task of the worker process, as one line of JSON on standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementTask {
    /// Measure one placement.
    Measure(PlacementRequest),
    /// Project the memory of all placements on this machine's devices; in a worker, since some drivers end the process
    /// when asked for too much memory.
    Foresee(ProjectionRequest),
}

/// The result, as one line of JSON on standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlacementOutcome {
    /// llama.cpp's description of the model.
    pub description: String,
    /// Number of parameters.
    pub n_params: u64,
    /// Size of all tensors in bytes.
    pub size_bytes: u64,
    /// Time to load the model, in nanoseconds.
    pub load_ns: u64,
    /// Time to load the model and create a context, in nanoseconds.
    pub ready_ns: u64,
    /// Allocations of ggml's buffers by device.
    pub held: Projection,
    /// The devices before loading.
    pub before: Vec<ProjectedDevice>,
    /// The devices after the last token.
    pub after: Vec<ProjectedDevice>,
    /// Prompt processing.
    pub prompt: TokenSample,
    /// Generation.
    pub generation: TokenSample,
    /// Anonymous memory of the process after the last token, in bytes; `None` if the system does not report it.
    pub rss_anon_bytes: Option<u64>,
    /// Warnings from llama.cpp.
    pub warnings: Vec<String>,
    /// What became of the request to lock the weights, if there was one.
    #[serde(default)]
    pub lock: LockOutcome,
}

impl PlacementOutcome {
    /// Decrease of the devices' free memory in bytes, whichever program caused it; `None` if a device does not report
    /// it or other programs released more than was taken. A driver that reports all memory as free while a model is
    /// loaded counts as not reporting.
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

/// Phase of a worker process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementPhase {
    /// Loading the model and creating a context.
    Load,
    /// Warming up.
    WarmUp,
    /// Processing the prompt.
    Prompt,
    /// Generating.
    Generation,
    /// Finished; the outcome follows.
    Done,
}

/// A line printed by the worker: the phase that begins, and finally the outcome or an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementResponse {
    /// This phase begins.
    Phase(PlacementPhase),
    /// The projections.
    Foreseen(Vec<Projection>),
    /// The measurement.
    Measured(Box<PlacementOutcome>),
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
    use crate::llm::engine::ProjectedBytes;

    fn device(name: &str, free: Option<u64>) -> ProjectedDevice {
        ProjectedDevice {
            name: name.into(),
            memory_total_bytes: Some(100),
            memory_free_bytes: free,
            bytes: ProjectedBytes::default(),
        }
    }

    fn outcome(before: Vec<ProjectedDevice>, after: Vec<ProjectedDevice>) -> PlacementOutcome {
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
                host: ProjectedBytes::default(),
            },
            before,
            after,
            prompt: sample.clone(),
            generation: sample,
            rss_anon_bytes: None,
            warnings: Vec::new(),
            lock: LockOutcome::default(),
        }
    }

    #[test]
    fn device_delta_is_the_decrease_of_free_memory() {
        let delta = |before, after| outcome(before, after).device_delta_bytes();
        let two = |a, b| vec![device("A", Some(a)), device("B", Some(b))];
        assert_eq!(delta(two(90, 80), two(60, 79)), Some(31));
        assert_eq!(delta(Vec::new(), Vec::new()), None);
        assert_eq!(delta(vec![device("A", None)], vec![device("A", None)]), None);
        assert_eq!(delta(two(90, 80), two(91, 80)), None);
        assert_eq!(
            delta(two(100, 100), two(100, 100)),
            None,
            "a driver without a memory budget reports the total as free"
        );
        assert_eq!(delta(two(90, 80), vec![device("A", Some(60))]), None);
    }

    #[test]
    fn answers_round_trip_through_json() {
        let answer = PlacementResponse::Measured(Box::new(outcome(Vec::new(), Vec::new())));
        let text = serde_json::to_string(&answer).unwrap();
        assert!(!text.contains('\n'));
        assert_eq!(serde_json::from_str::<PlacementResponse>(&text).unwrap(), answer);
    }
}
