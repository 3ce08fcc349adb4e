//! `workly-perf warmup`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::context::ContextArgs;
use super::root::Format;
use super::values::parse_duration;
use crate::llm::ModelRef;

/// Measures the cold first reply against the warm one, and says what warming really saves.
///
/// `start`: each measurement is a process of its own. Five of them make a round, in random order, and each has one thing more
/// ready before somebody asks: nothing (the model's file is dropped from the page cache, and the kernel is asked whether it
/// is gone), the file in the page cache, the model loaded, the context made, two tokens generated as Workly's warm start does.
/// What lies between two of them is what that one thing saves, and the steps add up to the whole.
///
/// `lengths`: prompts and replies of many lengths, and what a token of each costs. `prefix`: a conversation, with what the
/// context still holds of the last turn computed again and not.
#[derive(Debug, Args)]
pub struct WarmupArgs {
    /// Rounds of starts. Six are the fewest that carry an interval of the ratios.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub runs: u32,
    /// What is measured: start, lengths, prefix.
    #[arg(long, value_enum, value_name = "STUDIES", value_delimiter = ',', default_values = ["start", "lengths", "prefix"])]
    pub study: Vec<WarmupStudy>,
    /// The model: a GGUF file, or `synth:SHAPE` for synthetic weights of a real shape (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What is said: a text file with one message a line; a first line `system: …` sets the system prompt. Starts say the first
    /// one. Default: the five messages of Workly's own tests, in French.
    #[arg(long, value_name = "FILE")]
    pub conversation: Option<PathBuf>,
    /// Tokens of a reply of starts and conversations.
    #[arg(long, default_value_t = 25, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub reply_tokens: u32,
    /// Replies after the first one of each start.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub later: u32,
    /// Rounds of lengths.
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub length_runs: u32,
    /// Turns of the conversation, each taken with and without what the context still holds.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub turns: u32,
    /// Messages, the user's and the model's, that the model is shown at most: `ai.context_limit` of the app.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub context_limit: u32,
    /// Where the model computes, and in what context.
    #[command(flatten)]
    pub context: ContextArgs,
    /// The longest that one start may take.
    #[arg(long, default_value = "10m", value_name = "DURATION", value_parser = parse_duration)]
    pub timeout: Duration,
    /// Seed of the order.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-warmup`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WarmupStudy {
    /// Cold against warm.
    Start,
    /// What a token costs.
    Lengths,
    /// What a kept prefix saves.
    Prefix,
}

/// `workly-perf warmup-start`: one start, for the command that started this process. It reads what to do as one line of
/// JSON from standard input, which stays open as long as anybody wants the answer.
#[derive(Debug, Args)]
pub struct WarmupStartArgs {}
