//! `workly-perf pipeline`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::bridge_connection::BridgeConnectionArgs;
use super::format::{DEFAULT, run_formats};
use super::memory_size::MemorySize;
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::measure::{PaceSpec, RenderSpec};
use crate::report::Format;

/// Measure complete turns, from message to expression, before and after a change of settings.
///
/// A turn runs from the user's message to the avatar's expression. The prompt is built as Workly does it, the model answers, an
/// emotion is chosen and a reaction is sent to the bridge, while a render-like load runs alongside. Every stage is timed, and the
/// stages of a turn add up to its total. With two sets of settings, each turn runs with both, in random order, and the results are
/// compared turn by turn.
///
/// SETTINGS is `app` (Workly's own settings), `recommended` (the configuration's section `performance`, or else what the newest saved
/// sweep of this machine and model measured; a rule only where neither exists), the file or folder of a recommendation, the folder of
/// a run of `launch --measure` (the parameters that the application ran with), or one of these followed by KEY=VALUE,… to override
/// single settings. Keys: `n_threads`, `n_threads_batch`, `n_gpu_layers`, `n_ctx`, `n_batch`, `n_ubatch`, `flash_attn` (off, on,
/// auto), `kv_type`, `priority` (normal, low, idle), `wait_policy` (unset, active, passive), `use_mmap` and `use_mlock` (true,
/// false), `warm_start` (true, false), `reaction` (expression, single, pipelined, batch), `react`
/// (end, first-words). Example: `app,n_threads=2,react=first-words`.
///
/// Workly sends one command per answer, once the answer is complete, and does not wait for a reply: `reaction=expression`. The other
/// reactions send three commands, as an application could. The report lists the settings that no published version of Workly
/// supports.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// The model: a GGUF file, the name of a fetched model (see `workly-perf model fetch`), or `synth:SHAPE` for synthetic weights in
    /// a real architecture. Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// The bridge.
    #[command(flatten)]
    pub bridge_connection: BridgeConnectionArgs,
    /// Number of turns, each run with every set of settings. A confidence interval needs at least six.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub turns: u32,
    /// Time limit for turns and contention together. After it no more are started, and the report says so. One third is for first
    /// turns, one third for the conversation; unused time goes to the next part.
    #[arg(long, default_value = "80s", value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Duration,
    /// Settings for "before".
    #[arg(long, default_value = "app", value_name = "SETTINGS")]
    pub before: String,
    /// Settings for "after"; `none` measures only "before".
    #[arg(long, default_value = "recommended", value_name = "SETTINGS")]
    pub after: String,
    /// Length of a reply, in tokens.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub reply_tokens: u32,
    /// Number of tokens that count as the first words.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub first_words: u32,
    /// Competing load during the turns.
    #[arg(long, value_enum, default_value_t = CompetingLoadArg::Render, value_name = "LOAD")]
    pub under_load: CompetingLoadArg,
    /// The render-like load, as `FPS:MAIN[:WORKER]`: CPU time per frame of its main thread and its worker thread.
    #[arg(long, default_value_t = RenderSpec::default(), value_name = "SPEC")]
    pub render: RenderSpec,
    /// Skip the contention study: how much model, bridge and render load slow each other down.
    #[arg(long)]
    pub no_contention: bool,
    /// Project the memory use of both settings on a GPU of this size, such as 6GiB. Default: the GPU of this machine.
    #[arg(long, value_name = "SIZE")]
    pub vram: Option<MemorySize>,
    /// GPU memory kept free for Unity, the desktop and the driver.
    #[arg(long, value_name = "SIZE", default_value = "1.5GiB")]
    pub reserve: MemorySize,
    /// Seed for the order. Default: random; saved in the record.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the record; must be new or empty. Default: `results/local/<time>-pipeline`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Output format, printed to standard output.
    #[arg(long, value_parser = run_formats(), default_value = DEFAULT)]
    pub format: Format,
    /// Instead of a model, before and after: a simulated one that answers at exactly `PROMPT_RATE:RATE` tokens per second. With
    /// `:BUILD:HOLD`, it takes BUILD ms to build a prompt and holds each command of a reaction back for HOLD ms.
    #[arg(long, hide = true, value_name = "SPEED", value_delimiter = ',', num_args = 1..=2, conflicts_with = "model")]
    pub paced: Vec<PaceSpec>,
}

/// `workly-perf pipeline-worker`: answers, for the command that started this process. It reads what to do as lines of JSON from
/// standard input, and ends with it.
#[derive(Debug, Args)]
pub struct PipelineWorkerArgs {}

/// Competing load during the turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompetingLoadArg {
    /// No load.
    None,
    /// A load with the CPU use of a Unity scene.
    Render,
}
