//! `workly-perf warmup`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::context::ContextArgs;
use super::format::{DEFAULT, run_formats};
use super::threads::EngineConventions;
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::report::Format;

/// Compare cold and warm first replies, and show what warming up saves.
///
/// `start`: each measurement runs in its own process. A round has five starts in random order, each with one more step done before
/// the first message: nothing (the model file is dropped from the page cache, which is verified), file in the page cache, model
/// loaded, context created, two tokens generated as in Workly's warm start. The difference between two consecutive starts is what
/// that step saves, and the steps add up to the total.
///
/// `lengths`: prompts and replies of different lengths, and the cost per token. `prefix`: a conversation with and without reuse of
/// the prompt prefix that is still in the context.
#[derive(Debug, Args)]
pub struct WarmupArgs {
    /// Number of rounds of starts. A confidence interval of the ratios needs at least six.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub runs: u32,
    /// Studies to run: start, lengths, prefix.
    #[arg(long, value_enum, value_name = "STUDIES", value_delimiter = ',', default_values = ["start", "lengths", "prefix"])]
    pub study: Vec<WarmupPart>,
    /// The model: a GGUF file, the name of a fetched model (see `workly-perf model fetch`), or `synth:SHAPE` for synthetic weights in
    /// a real architecture (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The user's messages: a text file with one message per line; a first line `system: …` sets the system prompt. Starts use the
    /// first message. Default: the five messages of Workly's own tests, in French.
    #[arg(long, value_name = "FILE")]
    pub conversation: Option<PathBuf>,
    /// Length of a reply in starts and conversations, in tokens.
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub reply_tokens: u32,
    /// Number of replies after the first one in each start.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub later: u32,
    /// Number of rounds of the lengths study.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub length_runs: u32,
    /// Number of turns in the conversation, each run with and without prefix reuse.
    #[arg(long, default_value_t = 24, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub turns: u32,
    /// Maximum number of past exchanges (a question and its reply) in the prompt, beside the new question: `ai.context_limit` of the app.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub context_limit: u32,
    /// Conventions of contexts and replies: those of the app (its form of prompt, tokens drawn by its sampler, flash attention off, all
    /// CPUs for prompts; threads, batches and memory lock of the GPU profile in --config, or else of `performance`) or of llama-bench (the
    /// model's template, the likeliest tokens, flash attention auto, batches of 2048, no lock).
    #[arg(long, value_enum, default_value_t = EngineConventions::App, value_name = "WHOSE")]
    pub engine: EngineConventions,
    /// Compute device and context.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Time limit for one start.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Seed for the order of measurements.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-warmup`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = run_formats(), default_value = DEFAULT)]
    pub format: Format,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WarmupPart {
    /// Cold and warm starts.
    Start,
    /// Cost per token.
    Lengths,
    /// Savings from prefix reuse.
    Prefix,
}

/// `workly-perf warmup-start`: one start, for the command that started this process. It reads its task as one line of
/// JSON from standard input, which stays open as long as the answer is wanted.
#[derive(Debug, Args)]
pub struct WarmupStartArgs {}
