//! The plan of `warmup`. Part of the record.

use serde::Serialize;

use super::conversation::{ConversationError, script};
use super::cpus::usual_threads;
use crate::cli::{WarmupArgs, WarmupStudy};
use crate::llm::Script;
use crate::record::Topology;

/// Sentences of 1, 9 and 35 words, the lengths that the application's documents give figures for.
const SENTENCES: [&str; 3] = [
    "Bonjour",
    "Peux-tu me raconter une petite histoire avant de dormir ?",
    "Je voudrais que tu me racontes en détail comment tu as passé la journée, ce que tu as vu par la fenêtre, qui est venu \
     te parler, et ce que tu aimerais faire demain matin.",
];

/// Tokens of the replies that the documents give figures for, and one beyond.
const REPLIES: [u32; 5] = [25, 50, 100, 150, 250];

/// Tokens of the shortest prompt that is not a sentence; each next one is twice as long, up to the context.
const SHORTEST: u32 = 64;

/// Tokens of the reply to each prompt: enough for the time between two.
pub const REPLY_TO_A_PROMPT: u32 = 8;

/// Everything that `warmup` will do.
#[derive(Debug, Clone, Serialize)]
#[allow(clippy::struct_excessive_bools)] // Three studies, each on or off.
pub struct WarmupPlan {
    /// Whether starts are measured.
    pub start: bool,
    /// Whether lengths are.
    pub lengths: bool,
    /// Whether a conversation is.
    pub prefix: bool,
    /// Rounds of starts.
    pub runs: u32,
    /// Rounds of lengths.
    pub length_runs: u32,
    /// What is said.
    pub script: Script,
    /// Tokens of a reply.
    pub reply_tokens: u32,
    /// Replies after the first of a start.
    pub later: u32,
    /// Turns of the conversation.
    pub turns: u32,
    /// Exchanges that the model is shown beside the question.
    pub context_limit: u32,
    /// Prompts of so many words.
    pub sentences: Vec<&'static str>,
    /// Prompts of so many tokens.
    pub prompts: Vec<u32>,
    /// Replies of so many tokens.
    pub replies: Vec<u32>,
    /// Tokens that the context holds.
    pub n_ctx: u32,
    /// Threads, of prompts and of generation.
    pub n_threads: u32,
    /// Layers on the GPU.
    pub n_gpu_layers: u32,
    /// The longest that one start may take, in seconds.
    pub timeout_s: f64,
    /// Seed of the order.
    pub seed: u64,
}

impl WarmupPlan {
    /// Resolves the arguments for a machine.
    pub fn resolve(args: &WarmupArgs, topology: &Topology) -> Result<Self, ConversationError> {
        let has = |study| args.study.contains(&study);
        // The last token of a reply is chosen and not computed.
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
    fn the_sentences_have_the_words_of_the_documents() {
        let words = |text: &str| text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        assert_eq!(SENTENCES.map(words), [1, 9, 35]);
    }
}
