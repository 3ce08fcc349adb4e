//! `workly-perf memory`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::context::ContextArgs;
use super::root::Format;
use super::values::{parse_bytes, parse_duration};
use crate::llm::ModelRef;

/// Shows what memory is used for, step by step, and whether it leaks.
///
/// A model is loaded and talked to as the app does it: a conversation that grows to its limit and then rolls. After each step
/// and each message the memory of this process is read, apart by kind: anonymous memory is the process's own, a mapped
/// model is pages of its file. What llama.cpp foresees stands beside it.
///
/// With --pid or --process another program is watched instead, such as Workly or Unity, while you use it; end it with Ctrl-C.
///
/// A leak ends with exit code 1.
#[derive(Debug, Args)]
pub struct MemoryArgs {
    /// Messages of the conversation.
    #[arg(long, default_value_t = 100, value_name = "N", conflicts_with_all = ["pid", "process"],
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub messages: u32,
    /// The model: a GGUF file, or `synth:SHAPE` for synthetic weights of a real shape (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["pid", "process"])]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, where there is one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What is said: a text file with one message a line, taken in turn; a first line `system: …` sets the system prompt.
    /// Default: the five messages of Workly's own tests, in French.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pid", "process"])]
    pub conversation: Option<PathBuf>,
    /// Messages, the user's and the model's, that the model is shown at most: `ai.context_limit` of the app.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub context_limit: u32,
    /// Tokens of each reply.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub reply_tokens: u32,
    /// Where the model computes, and in what context.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Read the weights into memory of the process instead of mapping the file.
    #[arg(long)]
    pub no_mmap: bool,
    /// Watch the process of this number.
    #[arg(long, value_name = "PID", conflicts_with = "process")]
    pub pid: Option<u32>,
    /// Watch the process of this name, such as `Workly` or `python`; there must be one alone.
    #[arg(long, value_name = "NAME")]
    pub process: Option<String>,
    /// How long to watch. Default: until Ctrl-C, or until the process ends.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub length: Option<Duration>,
    /// How often to look.
    #[arg(long, default_value = "500ms", value_name = "DURATION", value_parser = parse_duration)]
    pub every: Duration,
    /// A text file to which a line is added with each message, such as a log: growth is then judged a message, else a minute.
    /// It may be rotated or truncated meanwhile; a pipe is refused.
    #[arg(long, value_name = "FILE")]
    pub count_lines: Option<PathBuf>,
    /// Growth that is called a leak, in bytes a message, or a minute where no messages are counted. Default: 512 bytes a message,
    /// 64 KiB a minute.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub threshold: Option<u64>,
    /// Read GPU memory too: what the process holds where NVIDIA's driver tells it, and what all programs hold.
    #[arg(long)]
    pub vram: bool,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-memory`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Print what llama.cpp says to standard error.
    #[arg(long)]
    pub verbose: bool,
}
