//! `workly-perf memory`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::context::ContextArgs;
use super::format::{DEFAULT, run_formats};
use super::values::{parse_bytes, parse_duration};
use crate::llm::ModelRef;
use crate::report::Format;

/// Show what memory is used for, step by step, and whether it leaks.
///
/// Loads a model and holds a conversation as the app does: it grows to its limit, then drops the oldest messages. After each
/// step and each message, the memory of this process is read by kind: anonymous memory belongs to the process, a memory-mapped
/// model is file-backed. The report compares this with llama.cpp's projection.
///
/// With --pid or --process, watches another program instead, such as Workly or Unity, while you use it. Stop with Ctrl-C.
///
/// Exit code 1 if a leak is found.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Independent flags.
pub struct MemoryArgs {
    /// Number of messages in the conversation.
    #[arg(long, default_value_t = 100, value_name = "N", conflicts_with_all = ["pid", "process"],
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub messages: u32,
    /// The model: a GGUF file, the name of a fetched model (see `workly-perf model fetch`), or `synth:SHAPE` for synthetic weights in
    /// a real architecture (see `workly-perf model shapes`).
    /// Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["pid", "process"])]
    pub model: Option<ModelRef>,
    /// Workly's configuration. Default: data/config.json, if it exists.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The user's messages: a text file with one message per line, used in turn; a first line `system: …` sets the system prompt.
    /// Default: the five messages of Workly's own tests, in French.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pid", "process"])]
    pub conversation: Option<PathBuf>,
    /// Maximum number of past exchanges (a question and its reply) in the prompt, beside the new question: `ai.context_limit` of the app.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub context_limit: u32,
    /// Length of each reply, in tokens.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub reply_tokens: u32,
    /// Compute device and context.
    #[command(flatten)]
    pub context: ContextArgs,
    /// Read the weights into process memory instead of memory-mapping the file.
    #[arg(long)]
    pub no_mmap: bool,
    /// Lock the weights in memory, as Workly does with its profiles `performance` and `balanced`.
    #[arg(long)]
    pub mlock: bool,
    /// Watch the process with this ID.
    #[arg(long, value_name = "PID", conflicts_with = "process")]
    pub pid: Option<u32>,
    /// Watch the process with this name, such as `Workly` or `python`. The name must match exactly one process.
    #[arg(long, value_name = "NAME")]
    pub process: Option<String>,
    /// How long to watch. Default: until Ctrl-C, or until the process ends.
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    pub length: Option<Duration>,
    /// Sampling interval.
    #[arg(long, default_value = "500ms", value_name = "DURATION", value_parser = parse_duration)]
    pub every: Duration,
    /// A text file that gains a line with each message, such as a log. Growth is then judged per message, otherwise per minute.
    /// The file may be rotated or truncated meanwhile; pipes are not supported.
    #[arg(long, value_name = "FILE")]
    pub count_lines: Option<PathBuf>,
    /// Growth that counts as a leak, in bytes per message, or per minute if messages are not counted. Default: 512 bytes per
    /// message, 64 KiB per minute.
    #[arg(long, value_name = "BYTES", value_parser = parse_bytes)]
    pub threshold: Option<u64>,
    /// Also read GPU memory: that of the process, if NVIDIA's driver reports it, and that of all programs.
    #[arg(long)]
    pub vram: bool,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-memory`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = run_formats(), default_value = DEFAULT)]
    pub format: Format,
}
