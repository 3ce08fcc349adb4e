//! `workly-perf pipeline`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::memory_size::MemorySize;
use super::reach::ReachArgs;
use super::root::Format;
use super::values::parse_duration;
use crate::llm::ModelRef;
use crate::measure::{PacedSpec, RenderSpec};

/// Measures whole turns: from the person's sentence to the avatar's face, before and after a change of settings.
///
/// For each turn the prompt is built as Workly does, the model answers, an emotion is chosen and a reaction is sent to the bridge, beside
/// a load that takes what a Unity scene takes. Every station is stamped, and the stages of a turn add up to its whole. With two sets of
/// settings, each turn is taken with both, in random order, and they are compared turn by turn.
///
/// Settings are `app` (what Workly does by itself), `recommended`, the file or folder of a recommendation, or KEY=VALUE,… on
/// top of one of them. The keys: `n_threads`, `n_threads_batch`, `n_gpu_layers`, `n_ctx`, `n_batch`, `n_ubatch`, `flash_attn` (off, on,
/// auto), `kv_type`, `warm_start` (true, false), `reaction` (expression, single, pipelined, batch), `react` (end, first-words). For one:
/// `app,n_threads=2,react=first-words`.
///
/// Workly sends one command for an answer, when it is complete, and waits for no reply: `reaction=expression`. The other reactions send
/// three commands, as an application could. The report names the settings that no published version of Workly can be told.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// The model: a GGUF file, or `synth:SHAPE` for synthetic weights of a real shape. Default: `ai.model_path` of --config.
    #[arg(long, value_name = "MODEL")]
    pub model: Option<ModelRef>,
    /// The bridge.
    #[command(flatten)]
    pub reach: ReachArgs,
    /// Turns, each taken with every set of settings. Six are the fewest that carry an interval.
    #[arg(long, default_value_t = 12, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub turns: u32,
    /// The longest that turns and contention may take together; then no more are begun, and the report says so. A third is for first
    /// turns, a third for the conversation; whatever they leave is for the next.
    #[arg(long, default_value = "80s", value_name = "DURATION", value_parser = parse_duration)]
    pub budget: Duration,
    /// Settings before.
    #[arg(long, default_value = "app", value_name = "SETTINGS")]
    pub before: String,
    /// Settings after; `none` measures the others alone.
    #[arg(long, default_value = "recommended", value_name = "SETTINGS")]
    pub after: String,
    /// Tokens of a reply.
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub reply_tokens: u32,
    /// Tokens that count as the first words.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub first_words: u32,
    /// Whether a load like a Unity scene runs beside the turns.
    #[arg(long, value_enum, default_value_t = Beside::Render, value_name = "LOAD")]
    pub under_load: Beside,
    /// The render-like load: `FPS:MAIN[:WORKER]`, CPU time a frame of its main and its worker thread.
    #[arg(long, default_value_t = RenderSpec::default(), value_name = "SPEC")]
    pub render: RenderSpec,
    /// Leave out what model, bridge and render load cost each other.
    #[arg(long)]
    pub no_contention: bool,
    /// Foresee what both settings take of a card of this size that is not here, such as 6GiB. Default: the GPU of this machine.
    #[arg(long, value_name = "SIZE")]
    pub vram: Option<MemorySize>,
    /// What is to stay free of the card for Unity, the desktop and the driver.
    #[arg(long, value_name = "SIZE", default_value = "1.5GiB")]
    pub reserve: MemorySize,
    /// Seed of the order. Default: another one each run; the record keeps it.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder of the record; must be new or empty. Default: `results/local/<time>-pipeline`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What to print to standard output.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// In place of a model, before and after: a stand-in that answers at `PROMPT_RATE:RATE` tokens a second exactly. With
    /// `:BUILD:HOLD`, it takes BUILD ms to build a prompt and holds each command of a reaction back for HOLD ms.
    #[arg(long, hide = true, value_name = "SPEED", value_delimiter = ',', num_args = 1..=2, conflicts_with = "model")]
    pub paced: Vec<PacedSpec>,
}

/// What runs beside the turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Beside {
    /// Nothing of ours.
    None,
    /// A load like a Unity scene.
    Render,
}
