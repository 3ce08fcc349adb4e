//! `workly-perf threads`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::format::{DEFAULT, token_formats};
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::llm::engine::{FlashAttention, KvType, MAX_THREADS};
use crate::measure::RenderSpec;
use crate::report::Format;

/// Find the best thread counts for this machine, alone and under load.
///
/// The model is loaded once. All settings are then measured in rounds, in random order, so that drift is not mistaken for a
/// difference between settings. Prompt processing (pp) and generation (tg) are judged separately; they correspond to the app's
/// `n_threads_batch` and `n_threads`. The sweep is repeated under a load with the CPU use of a Unity scene, because the best
/// count on an idle machine is often not the best one while the avatar runs.
///
/// The search is a race: a setting is dropped as soon as it is surely too slow, surely not noticeably faster than the best one, or
/// surely makes too many of the scene's frames late. It ends when only the best one is left. --exhaustive measures every setting in
/// every round.
#[derive(Debug, Args)]
pub struct ThreadsArgs {
    /// Thread counts: numbers, or `auto` for the default counts plus those of the two documented rules and of this machine's
    /// cores. Default: 1,2,4,6,8,12,16, up to twice the CPUs available to this process (affinity and quotas included).
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    pub sweep: Vec<SweepItem>,
    /// The model: a GGUF file, the name of a fetched model (see `workly-perf model fetch`), or `synth:SHAPE` for synthetic weights in
    /// a real architecture (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Maximum number of rounds. Each round measures every remaining setting once.
    #[arg(long, default_value_t = 10, value_name = "N", conflicts_with = "budget",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub repetitions: u32,
    /// Instead of --repetitions: measure until every figure is known to within 2 %, or until this time is used up.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Option<Duration>,
    /// Prompt length, in tokens.
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub prompt_tokens: u32,
    /// Number of tokens to generate.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub gen_tokens: u32,
    /// Measure every setting in every round, instead of dropping those that cannot win.
    #[arg(long)]
    pub exhaustive: bool,
    /// Conventions and defaults of the options below: those of the app (each token drawn by its sampler, depth 1024, flash attention
    /// off, batches and memory lock of the GPU profile in --config, or else of `performance`) or of llama-bench (fixed tokens, depth 0,
    /// flash attention auto, batches of 2048, no lock).
    #[arg(long, value_enum, default_value_t = EngineConventions::App, value_name = "WHOSE")]
    pub engine: EngineConventions,
    /// Tokens already in the context when a measurement starts. Default: 1024, about the app's 10 exchanges.
    #[arg(long, value_name = "TOKENS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub depth: Vec<u32>,
    /// Flash attention: off, on, auto. Default: off, as in the app.
    #[arg(long, value_name = "CHOICES", value_delimiter = ',')]
    pub flash_attn: Vec<FlashAttention>,
    /// KV cache types, for keys and values: `f16`, `q8_0`, … Default: f16.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub cache_type: Vec<KvType>,
    /// Priority of the model's threads: normal, low (nice 10; below normal on Windows), idle (only CPU time that no
    /// other program uses). Default: normal.
    #[arg(long, value_enum, value_name = "PRIORITIES", value_delimiter = ',')]
    pub priority: Vec<PriorityArg>,
    /// What waiting threads do: active (spin) or passive (sleep). Default: as set in the environment of the process.
    #[arg(long, value_enum, value_name = "POLICIES", value_delimiter = ',')]
    pub wait: Vec<WaitArg>,
    /// Memory-map the model file: on, off. Default: on.
    #[arg(long, value_enum, value_name = "CHOICES", value_delimiter = ',')]
    pub mmap: Vec<SwitchArg>,
    /// Maximum share of late frames, in percent. Settings above it are not candidates, however fast they are. The limit
    /// is at least half a percentage point above the share of the load alone.
    #[arg(long, default_value_t = 1.0, value_name = "PERCENT", value_parser = parse_percent)]
    pub late_frames: f64,
    /// Competing load: none, a render-like load, or both, in alternating blocks.
    #[arg(long, value_enum, default_value_t = UnderLoadArg::Both, value_name = "LOAD")]
    pub under_load: UnderLoadArg,
    /// The render-like load, as `FPS:MAIN[:WORKER]`: CPU time per frame of its main thread and its worker thread.
    #[arg(long, default_value_t = RenderSpec::default(), value_name = "SPEC")]
    pub render: RenderSpec,
    /// Number of layers to offload to the GPU. Thread counts matter for the layers on the CPU.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub gpu_layers: u32,
    /// Seed for the order of measurements.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-threads`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = token_formats(), default_value = DEFAULT)]
    pub format: Format,
}

/// `workly-perf threads-worker`: repetitions, for the command that started this process. It reads its tasks as lines of
/// JSON from standard input, and ends with it.
#[derive(Debug, Args)]
pub struct ThreadsWorkerArgs {}

/// Which program's conventions are the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EngineConventions {
    /// Those of the application.
    App,
    /// Those of llama-bench.
    LlamaBench,
}

/// A priority on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriorityArg {
    /// Normal.
    Normal,
    /// Lowered.
    Low,
    /// Only CPU time that no other program uses.
    Idle,
}

/// A wait policy on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitArg {
    /// Waiting threads spin.
    Active,
    /// Waiting threads sleep.
    Passive,
}

/// A switch on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SwitchArg {
    /// On.
    On,
    /// Off.
    Off,
}

/// A percentage above 0 and up to 100.
fn parse_percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        Ok(percent) => Err(format!("{percent} % is outside of 0 to 100")),
        Err(_) => Err(format!("'{text}' is no percentage")),
    }
}

/// Under which loads to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnderLoadArg {
    /// No competing load.
    None,
    /// A load with the CPU use of a Unity scene.
    Render,
    /// Both, in alternating blocks.
    Both,
}

/// One entry of `--sweep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SweepItem {
    /// A count.
    Count(u32),
    /// The default counts, the documented rules, and this machine's cores.
    Auto,
}

impl std::str::FromStr for SweepItem {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(count @ 1..=MAX_THREADS)) => Ok(Self::Count(count)),
            (_, Ok(count)) => Err(format!("{count} threads are outside of 1 to {MAX_THREADS}")),
            _ => Err(format!("'{text}' is neither a thread count nor auto")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_parse_and_invalid_ones_are_named() {
        assert_eq!("8".parse(), Ok(SweepItem::Count(8)));
        assert_eq!("auto".parse(), Ok(SweepItem::Auto));
        for (text, fault) in [("0", "outside"), ("513", "outside"), ("two", "'two'"), ("-1", "'-1'"), ("", "''")] {
            assert!(text.parse::<SweepItem>().unwrap_err().contains(fault), "{text}");
        }
    }
}
