//! The plans of `memory`: a conversation with a model, or a process to watch. Part of the record.

use serde::Serialize;

use super::conversation::{ConversationError, script};
use super::cpus::usual_threads;
use crate::advise::LeakRule;
use crate::cli::MemoryArgs;
use crate::llm::Script;
use crate::record::Topology;

/// Default growth that counts as a leak, in bytes per message: 50 KiB in a hundred messages.
const THRESHOLD_A_MESSAGE: f64 = 512.0;
/// The same per minute, if messages are not counted: 90 MiB per day.
const THRESHOLD_A_MINUTE: f64 = 65_536.0;
/// Granularity of memory: pages of 4 KiB; Windows allocates address space in units of 64 KiB.
const GRAIN: f64 = if cfg!(windows) { 65_536.0 } else { 4_096.0 };

/// What growth is measured against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GrowthUnit {
    /// Messages.
    Message,
    /// Minutes.
    Minute,
}

impl GrowthUnit {
    /// Its name in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Minute => "minute",
        }
    }
}

/// Parameters of the leak verdict.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct LeakPlan {
    /// Unit of x.
    pub unit: GrowthUnit,
    /// The rule.
    #[serde(flatten)]
    pub rule: LeakRule,
}

impl LeakPlan {
    fn of(args: &MemoryArgs, unit: GrowthUnit, warm_up: usize) -> Self {
        let usual = match unit {
            GrowthUnit::Message => THRESHOLD_A_MESSAGE,
            GrowthUnit::Minute => THRESHOLD_A_MINUTE,
        };
        let threshold = args.threshold.map_or(usual, |bytes| bytes as f64);
        Self { unit, rule: LeakRule { threshold, warm_up, grain: GRAIN } }
    }
}

/// A conversation with a model, and how its memory is judged.
#[derive(Debug, Clone, Serialize)]
pub struct ConversationPlan {
    /// Number of the user's messages.
    pub messages: u32,
    /// The messages.
    pub script: Script,
    /// Exchanges in the prompt besides the question.
    pub context_limit: u32,
    /// Tokens per reply.
    pub reply_tokens: u32,
    /// Context size in tokens.
    pub n_ctx: u32,
    /// Threads for prompt processing and generation.
    pub n_threads: u32,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Whether the model file is memory-mapped.
    pub use_mmap: bool,
    /// Whether the weights are locked in memory.
    pub use_mlock: bool,
    /// Parameters of the leak verdict.
    pub leak: LeakPlan,
}

impl ConversationPlan {
    /// Resolves the arguments for a machine.
    pub fn resolve(args: &MemoryArgs, topology: &Topology) -> Result<Self, ConversationError> {
        // The history is full after this many messages, each with its reply; two more for late allocations.
        let warm_up = args.context_limit as usize + 2;
        Ok(Self {
            messages: args.messages,
            script: script(args.conversation.as_deref())?,
            context_limit: args.context_limit,
            reply_tokens: args.reply_tokens,
            n_ctx: args.context.n_ctx,
            n_threads: args.context.threads.unwrap_or_else(|| usual_threads(topology)),
            n_gpu_layers: args.context.gpu_layers,
            use_mmap: !args.no_mmap,
            use_mlock: args.mlock,
            leak: LeakPlan::of(args, GrowthUnit::Message, warm_up),
        })
    }
}

/// A process to watch.
#[derive(Debug, Clone, Serialize)]
pub struct MemoryWatchPlan {
    /// How long, in seconds; `None` means until Ctrl-C or the process's end.
    pub length_s: Option<f64>,
    /// Seconds between readings.
    pub every_s: f64,
    /// Whether messages are counted as lines of a file.
    pub counts_lines: bool,
    /// Parameters of the leak verdict.
    pub leak: LeakPlan,
}

impl MemoryWatchPlan {
    /// Resolves the arguments.
    #[must_use]
    pub fn resolve(args: &MemoryArgs) -> Self {
        let counts_lines = args.count_lines.is_some();
        let unit = if counts_lines { GrowthUnit::Message } else { GrowthUnit::Minute };
        Self {
            length_s: args.length.map(|length| length.as_secs_f64()),
            every_s: args.every.as_secs_f64(),
            counts_lines,
            leak: LeakPlan::of(args, unit, 0),
        }
    }
}
