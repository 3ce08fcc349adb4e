//! `workly-perf gpu-profiles`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::memory_size::{LayerItem, MemorySize, Reserve};
use super::root::TokenFormat;
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::llm::engine::{FlashAttention, KvType, MAX_THREADS};

/// Finds how many layers of a model go on the GPU: what each placement takes, and how fast it is.
///
/// With --project or --vram nothing is loaded: llama.cpp itself foresees what weights, KV cache and buffers of every
/// placement would take, from the header of the model alone. Otherwise each placement is measured in a process of its own,
/// in rounds: one that runs out of memory, or takes the process down, is a row of the table and not the end. What cannot
/// fit is skipped and said. --reserve stays free for Unity.
#[derive(Debug, Args)]
pub struct GpuProfilesArgs {
    /// The model: a GGUF file, or `synth:SHAPE` for synthetic weights of a real shape (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only foresee what every placement takes; load and measure nothing.
    #[arg(long)]
    pub project: bool,
    /// Foresee for cards that are not here, by their memory: `4GiB,6GiB,8GiB`. Implies --project.
    #[arg(long, value_name = "SIZES", value_delimiter = ',')]
    pub vram: Vec<MemorySize>,
    /// Layers to measure: numbers, `all`, and `auto` for as many as fit beside the reserve. A model of n blocks has n + 1.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', default_value = "0,10,20,30,auto")]
    pub layers: Vec<LayerItem>,
    /// What stays free of the card for Unity, the desktop and the driver: a size, or `measured` for what other programs
    /// hold of it now.
    #[arg(long, value_name = "SIZE", default_value = "1.5GiB")]
    pub reserve: Reserve,
    /// Fail unless there is a GPU that layers can be placed on.
    #[arg(long)]
    pub require_gpu: bool,
    /// Measure placements that are not foreseen to fit, too.
    #[arg(long)]
    pub try_all: bool,
    /// Contexts to choose from, in tokens. The first one is what is measured and listed.
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', default_values_t = [4096, 2048],
          value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub ctx_size: Vec<u32>,
    /// Tokens handed over at once.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub batch_size: u32,
    /// Tokens computed at once.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub ubatch_size: u32,
    /// Types of the KV cache to choose from. The first one is what is measured and listed.
    #[arg(long, value_name = "TYPES", value_delimiter = ',', default_values = ["f16", "q8_0"])]
    pub cache_type: Vec<KvType>,
    /// Flash attention: auto, on or off.
    #[arg(long, value_name = "CHOICE", default_value_t = FlashAttention::Auto)]
    pub flash_attn: FlashAttention,
    /// Threads for what stays on the CPU. Default: the physical cores that CPU affinity and quotas leave to this process.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_THREADS)))]
    pub threads: Option<u32>,
    /// Rounds: each measures every placement once, in random order.
    #[arg(long, default_value_t = 3, value_name = "N", conflicts_with = "budget",
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub repetitions: u32,
    /// In place of --repetitions: begin rounds until this long has passed.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Option<Duration>,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub prompt_tokens: u32,
    /// Tokens to generate.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub gen_tokens: u32,
    /// The longest that one measurement of a placement may take, loading included.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Seed of the order.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-gpu-profiles`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = TokenFormat::Table)]
    pub format: TokenFormat,
}

/// `workly-perf gpu-placement`: one placement, for the sweep that started this process. It reads what to do as one line of
/// JSON from standard input, which stays open as long as anybody wants the answer.
#[derive(Debug, Args)]
pub struct GpuPlacementArgs {}
