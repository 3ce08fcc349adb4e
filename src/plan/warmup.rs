//! The plan of `warmup`. Part of the record.

use serde::Serialize;

use super::app_profile::EngineDefaults;
use super::conversation::{ConversationError, script};
use super::cpus::usual_threads;
use super::shared::as_text;
use super::threads::APP_SAMPLER;
use crate::cli::{EngineConventions, WarmupArgs, WarmupPart};
use crate::llm::engine::{FlashAttention, MAX_THREADS};
use crate::llm::{GpuProfile, Script};
use crate::measure::ReplyConventions;
use crate::record::Topology;

/// Sentences of 1, 9 and 35 words, the lengths for which the application's documentation has figures.
const SENTENCES: [&str; 3] = [
    "Bonjour",
    "Peux-tu me raconter une petite histoire avant de dormir ?",
    "Je voudrais que tu me racontes en détail comment tu as passé la journée, ce que tu as vu par la fenêtre, qui est venu \
     te parler, et ce que tu aimerais faire demain matin.",
];

/// Reply lengths in tokens: those for which the documentation has figures, and a longer one.
const REPLIES: [u32; 5] = [25, 50, 100, 150, 250];

/// Length of the shortest synthetic prompt in tokens; each further one is twice as long, up to the context size.
const SHORTEST: u32 = 64;

/// Reply length for each prompt, in tokens: enough for inter-token latencies.
pub const REPLY_TO_A_PROMPT: u32 = 8;

/// The plan of a `warmup` run.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::struct_excessive_bools)] // Three studies, each on or off.
pub struct WarmupPlan {
    /// Whether starts are measured.
    pub start: bool,
    /// Whether prompt and reply lengths are measured.
    pub lengths: bool,
    /// Whether prefix reuse in a conversation is measured.
    pub prefix: bool,
    /// Rounds of starts.
    pub runs: u32,
    /// Rounds of lengths.
    pub length_runs: u32,
    /// The user's messages.
    pub script: Script,
    /// Tokens per reply.
    pub reply_tokens: u32,
    /// Replies after the first, per start.
    pub later: u32,
    /// Turns of the conversation.
    pub turns: u32,
    /// Exchanges in the prompt besides the question.
    pub context_limit: u32,
    /// Prompts by number of words.
    pub sentences: Vec<&'static str>,
    /// Prompt lengths in tokens.
    pub prompts: Vec<u32>,
    /// Reply lengths in tokens.
    pub replies: Vec<u32>,
    /// Conventions for contexts and replies: `app` or `llama-bench`.
    pub engine: &'static str,
    /// The application's GPU profile that threads, batch sizes and the lock are those of; `null` with llama-bench's defaults.
    pub profile: Option<&'static str>,
    /// How the next token is chosen: by the application's sampler, or as the most likely one.
    pub sampler: &'static str,
    /// Context size in tokens.
    pub n_ctx: u32,
    /// Threads for generation.
    pub n_threads: u32,
    /// Threads for prompt processing.
    pub n_threads_batch: u32,
    /// Logical batch size in tokens.
    pub n_batch: u32,
    /// Physical batch size in tokens.
    pub n_ubatch: u32,
    /// Whether flash attention is used.
    #[serde(serialize_with = "as_text")]
    pub flash_attn: FlashAttention,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Whether the weights are locked in memory.
    pub use_mlock: bool,
    /// Time limit per start, in seconds.
    pub timeout_s: f64,
    /// Seed of the order.
    pub seed: u64,
}

impl WarmupPlan {
    /// Resolves the arguments for a machine and the application's profile.
    pub fn resolve(
        args: &WarmupArgs,
        topology: &Topology,
        profile: &'static GpuProfile,
    ) -> Result<Self, ConversationError> {
        let has = |study| args.study.contains(&study);
        // The last token of a reply is chosen but not computed.
        let longest = args.context.n_ctx + 1 - REPLY_TO_A_PROMPT;
        let doubled = std::iter::successors(Some(SHORTEST), |tokens| tokens.checked_mul(2));
        let mut prompts: Vec<u32> = doubled.take_while(|tokens| *tokens < longest).collect();
        prompts.push(longest);
        let is_app = args.engine == EngineConventions::App;
        let usual = || if is_app { app_threads(profile) } else { usual_threads(topology) };
        let n_threads = args.context.threads.unwrap_or_else(usual);
        let cpus = topology.logical_cpus.value().and_then(|cpus| u32::try_from(*cpus).ok()).unwrap_or(n_threads);
        let defaults = EngineDefaults::of(args.engine, profile);
        let room = args.context.n_ctx.saturating_sub(SHORTEST);
        Ok(Self {
            start: has(WarmupPart::Start),
            lengths: has(WarmupPart::Lengths),
            prefix: has(WarmupPart::Prefix),
            runs: args.runs,
            length_runs: args.length_runs,
            script: script(args.conversation.as_deref())?,
            reply_tokens: args.reply_tokens,
            later: args.later,
            turns: args.turns,
            context_limit: args.context_limit,
            sentences: SENTENCES.to_vec(),
            prompts,
            replies: REPLIES.into_iter().filter(|tokens| *tokens <= room).collect(),
            n_ctx: args.context.n_ctx,
            engine: if is_app { "app" } else { "llama-bench" },
            profile: defaults.profile,
            sampler: if is_app { APP_SAMPLER } else { "greedy" },
            n_threads,
            // The application sets no number, so llama-cpp-python uses all CPUs.
            n_threads_batch: if is_app { cpus.clamp(1, MAX_THREADS) } else { n_threads },
            n_batch: defaults.n_batch,
            n_ubatch: defaults.n_ubatch,
            flash_attn: if is_app { FlashAttention::Off } else { FlashAttention::Auto },
            n_gpu_layers: args.context.gpu_layers,
            use_mlock: defaults.use_mlock,
            timeout_s: args.timeout.as_secs_f64(),
            seed: args.seed,
        })
    }

    /// The context, and how replies are generated.
    #[must_use]
    pub fn conventions(&self) -> ReplyConventions {
        ReplyConventions {
            n_ctx: self.n_ctx,
            n_threads: self.n_threads,
            n_threads_batch: self.n_threads_batch,
            n_batch: self.n_batch,
            n_ubatch: self.n_ubatch,
            flash_attn: self.flash_attn,
            is_app: self.sampler == APP_SAMPLER,
        }
    }
}

/// The threads that the application asks for, whatever CPUs there are.
fn app_threads(profile: &GpuProfile) -> u32 {
    u32::try_from(profile.n_threads).unwrap_or(MAX_THREADS).clamp(1, MAX_THREADS)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::cpus::tests::topology;
    use super::*;
    use crate::cli::{Cli, Command};

    fn plan(line: &str) -> WarmupPlan {
        with_profile(line, "performance")
    }

    fn with_profile(line: &str, profile: &str) -> WarmupPlan {
        let cli = Cli::try_parse_from(["workly-perf", "warmup"].into_iter().chain(line.split_whitespace())).unwrap();
        let Command::Warmup(args) = cli.command else { panic!("{line} is warmup") };
        let profile = GpuProfile::built_in().iter().find(|one| one.name == profile).unwrap();
        WarmupPlan::resolve(&args, &topology(4, 8, None), profile).unwrap()
    }

    #[test]
    fn engine_settings_are_the_applications_unless_llama_bench_is_requested() {
        let app = plan("");
        assert_eq!((app.engine, app.sampler, app.flash_attn), ("app", "app", FlashAttention::Off));
        assert_eq!((app.n_threads, app.n_threads_batch, app.n_batch, app.n_ubatch), (6, 8, 512, 512));
        assert!(app.conventions().is_app && app.use_mlock);
        let fallback = with_profile("", "cpu_fallback");
        assert_eq!((fallback.profile, fallback.n_threads, fallback.n_batch), (Some("cpu_fallback"), 8, 128));
        assert!(!fallback.use_mlock);
        let bench = plan("--engine llama-bench --threads 3");
        assert_eq!((bench.engine, bench.sampler, bench.flash_attn), ("llama-bench", "greedy", FlashAttention::Auto));
        assert_eq!((bench.n_threads, bench.n_threads_batch, bench.n_batch, bench.n_ubatch), (3, 3, 2048, 512));
        assert!(!bench.conventions().is_app && !bench.use_mlock && bench.profile.is_none());
        assert_eq!(plan("--engine llama-bench").n_threads, 4, "the cores");
    }

    #[test]
    fn sentences_have_the_documented_word_counts() {
        let words = |text: &str| text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        assert_eq!(SENTENCES.map(words), [1, 9, 35]);
    }
}
