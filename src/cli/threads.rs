//! `workly-perf threads`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::root::TokenFormat;
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::llm::engine::MAX_THREADS;
use crate::measure::RenderSpec;

/// Finds the right thread count for this machine as it is used.
///
/// The model is loaded once; then all counts are measured in rounds, in random order, so that drift cannot pass for a
/// difference between them. Prompt processing (pp) and generation (tg) are judged apart: they are the app's
/// `n_threads_batch` and `n_threads`. The same sweep runs beside a load that takes what a Unity scene takes, because the best
/// count on an idle machine is often not the best one beside an avatar.
#[derive(Debug, Args)]
pub struct ThreadsArgs {
    /// Thread counts: numbers, and `auto` for the default counts with those of both documented rules and of this machine's
    /// cores. Default: 1,2,4,6,8,12,16, trimmed to twice the CPUs that affinity and quotas leave to this process.
    #[arg(long, value_name = "COUNTS", value_delimiter = ',')]
    pub sweep: Vec<SweepItem>,
    /// The model: a GGUF file, or `synth:SHAPE` for synthetic weights of a real shape (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Rounds: each measures every count once.
    #[arg(long, default_value_t = 10, value_name = "N", conflicts_with = "budget",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub repetitions: u32,
    /// In place of --repetitions: measure until every figure is known within 2 %, or this long.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Option<Duration>,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 128, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub prompt_tokens: u32,
    /// Tokens to generate.
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub gen_tokens: u32,
    /// Which load competes: none, one like a Unity scene, or first the one and then the other.
    #[arg(long, value_enum, default_value_t = UnderLoad::Both, value_name = "LOAD")]
    pub under_load: UnderLoad,
    /// The render-like load: `FPS:MAIN[:WORKER]`, CPU time a frame of its main and its worker thread.
    #[arg(long, default_value_t = RenderSpec::default(), value_name = "SPEC")]
    pub render: RenderSpec,
    /// Layers on the GPU. Thread counts matter for what stays on the CPU.
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub gpu_layers: u32,
    /// Seed of the order.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-threads`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = TokenFormat::Table)]
    pub format: TokenFormat,
    /// Print what llama.cpp says to standard error.
    #[arg(long)]
    pub verbose: bool,
}

/// Under which loads to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum UnderLoad {
    /// An idle machine.
    None,
    /// Beside a render-like load.
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
    fn counts_are_read_and_bad_ones_named() {
        assert_eq!("8".parse(), Ok(SweepItem::Count(8)));
        assert_eq!("auto".parse(), Ok(SweepItem::Auto));
        for (text, fault) in [("0", "outside"), ("513", "outside"), ("two", "'two'"), ("-1", "'-1'"), ("", "''")] {
            assert!(text.parse::<SweepItem>().unwrap_err().contains(fault), "{text}");
        }
    }
}
