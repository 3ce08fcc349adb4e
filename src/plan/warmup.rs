//! The plan of `warmup`. Part of the record.

use serde::Serialize;

use super::conversation::{ConversationError, script};
use super::cpus::usual_threads;
use crate::cli::{WarmupArgs, WarmupStudy};
use crate::llm::Script;
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
    /// Context size in tokens.
    pub n_ctx: u32,
    /// Threads for prompt processing and generation.
    pub n_threads: u32,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// Time limit per start, in seconds.
    pub timeout_s: f64,
    /// Seed of the order.
    pub seed: u64,
}

impl WarmupPlan {
    /// Resolves the arguments for a machine.
    pub fn resolve(args: &WarmupArgs, topology: &Topology) -> Result<Self, ConversationError> {
        let has = |study| args.study.contains(&study);
        // The last token of a reply is chosen but not computed.
        let longest = args.context.n_ctx + 1 - REPLY_TO_A_PROMPT;
        let doubled = std::iter::successors(Some(SHORTEST), |tokens| tokens.checked_mul(2));
        let mut prompts: Vec<u32> = doubled.take_while(|tokens| *tokens < longest).collect();
        prompts.push(longest);
        let room = args.context.n_ctx.saturating_sub(SHORTEST);
        Ok(Self {
            start: has(WarmupStudy::Start),
            lengths: has(WarmupStudy::Lengths),
            prefix: has(WarmupStudy::Prefix),
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
            n_threads: args.context.threads.unwrap_or_else(|| usual_threads(topology)),
            n_gpu_layers: args.context.gpu_layers,
            timeout_s: args.timeout.as_secs_f64(),
            seed: args.seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_the_documented_word_counts() {
        let words = |text: &str| text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        assert_eq!(SENTENCES.map(words), [1, 9, 35]);
    }
}
