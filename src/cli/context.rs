//! The context that a conversation is held in: flags that `memory` and `warmup` share.

use clap::Args;

use crate::llm::engine::MAX_THREADS;

/// Where the model computes, and how much it holds.
#[derive(Debug, Args)]
pub struct ContextArgs {
    /// Context size, in tokens.
    #[arg(long, default_value_t = 2048, value_name = "N", value_parser = clap::value_parser!(u32).range(64..=10_000_000))]
    pub n_ctx: u32,
    /// Number of threads. Default: the physical cores available to this process (CPU affinity and quotas included), at most 16; with
    /// `warmup --engine app`, those of the app's GPU profile.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    pub threads: Option<u32>,
    /// Number of layers to offload to the GPU.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub gpu_layers: u32,
}
