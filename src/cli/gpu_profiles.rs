//! `workly-perf gpu-profiles`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::format::{DEFAULT, token_formats};
use super::memory_size::{LayerItem, MemorySize, Reserve};
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::llm::engine::{FlashAttention, KvType, MAX_THREADS};
use crate::report::Format;

/// Find how many layers fit on the GPU next to Unity, and how fast each placement is.
///
/// With --project or --vram nothing is loaded: llama.cpp computes from the model's header how much memory the weights, the KV
/// cache and the buffers of each placement need. Otherwise each placement is measured in its own process, in rounds. A placement
/// that runs out of memory or crashes becomes a row of the table and does not end the sweep. Placements that cannot fit are
/// skipped and listed as such. --reserve is kept free for Unity.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags.
pub struct GpuProfilesArgs {
    /// The model: a GGUF file, the name of a fetched model (see `workly-perf model fetch`), or `synth:SHAPE` for synthetic weights in
    /// a real architecture (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only project the memory use of each placement; load and measure nothing.
    #[arg(long)]
    pub project: bool,
    /// Project for GPUs with these memory sizes instead of the one in this machine: `4GiB,6GiB,8GiB`. Implies --project.
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub vram: Vec<MemorySize>,
    /// Layer counts to measure: numbers, `all`, or `auto` for as many as fit after the reserve. A model with n blocks has n + 1
    /// layers.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', default_value = "0,10,20,30,auto")]
    pub layers: Vec<LayerItem>,
    /// GPU memory kept free for Unity, the desktop and the driver: a size, or `measured` for what other programs use
    /// right now.
    #[arg(long, value_name = "SIZE", default_value = "1.5GiB")]
    pub reserve: Reserve,
    /// Exit with code 3 if there is no GPU that layers can be placed on.
    #[arg(long)]
    pub require_gpu: bool,
    /// Also measure placements that are projected not to fit.
    #[arg(long)]
    pub try_all: bool,
    /// Context sizes to choose from, in tokens. The first one is measured and listed.
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [4096, 2048],
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub ctx_size: Vec<u32>,
    /// Logical batch size: tokens submitted at once.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch_size: u32,
    /// Physical batch size: tokens computed at once.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub ubatch_size: u32,
    /// KV cache types to choose from. The first one is measured and listed.
    #[arg(long, value_name = "TYPES", value_delimiter = ',', default_values = ["f16", "q8_0"])]
    pub cache_type: Vec<KvType>,
    /// Flash attention: auto, on or off.
    #[arg(long, value_name = "CHOICE", default_value_t = FlashAttention::Auto)]
    pub flash_attn: FlashAttention,
    /// Number of threads for the layers on the CPU. Default: the physical cores available to this process (CPU affinity and
    /// quotas included).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    pub threads: Option<u32>,
    /// Lock the weights that stay on the CPU in memory, as Workly does with its profiles `performance` and `balanced`.
    #[arg(long)]
    pub mlock: bool,
    /// Number of rounds. Each round measures every placement once, in random order.
    #[arg(long, default_value_t = 3, value_name = "N", conflicts_with = "budget",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub repetitions: u32,
    /// Instead of --repetitions: start new rounds until this much time has passed.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Option<Duration>,
    /// Prompt length, in tokens.
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub prompt_tokens: u32,
    /// Number of tokens to generate.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub gen_tokens: u32,
    /// Time limit for measuring one placement, loading included.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Seed for the order of measurements.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-gpu-profiles`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = token_formats(), default_value = DEFAULT)]
    pub format: Format,
}

/// `workly-perf gpu-placement`: one placement, for the sweep that started this process. It reads its task as one line
/// of JSON from standard input, which stays open as long as the answer is wanted.
#[derive(Debug, Args)]
pub struct GpuPlacementArgs {}
