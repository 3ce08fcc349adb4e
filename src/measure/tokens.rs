//! One repetition of prompt processing or generation at one thread count.

#[cfg(feature = "llama")]
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

#[cfg(feature = "llama")]
use crate::clock::Clock;
#[cfg(feature = "llama")]
use crate::llm::engine::{EngineError, Model, Session};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// Prompt processing: many tokens at once, limited by arithmetic.
    Prompt,
    /// Generation: one token at a time, limited by memory.
    Generation,
}

impl Test {
    /// llama-bench's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Prompt => "pp",
            Self::Generation => "tg",
        }
    }
}

/// One repetition. Durations are nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenSample {
    /// When it began, on the clock of the run.
    pub began_ns: u64,
    /// When it ended.
    pub ended_ns: u64,
    /// Tokens processed or generated.
    pub tokens: usize,
    /// The timed part of it.
    pub elapsed_ns: u64,
    /// Prompt: until the first token of an answer was chosen.
    pub ttft_ns: Option<u64>,
    /// Generation: each token.
    pub inter_token_ns: Vec<u64>,
    /// CPU time of this process meanwhile; `None` where the system cannot tell.
    pub cpu_ns: Option<u64>,
}

impl TokenSample {
    /// Tokens a second.
    #[must_use]
    pub fn tokens_per_s(&self) -> f64 {
        self.tokens as f64 * 1e9 / self.elapsed_ns.max(1) as f64
    }
}

/// Runs one repetition of `test` over `tokens` with `threads`. `cpu_ns` reads the CPU time of this process.
///
/// # Errors
/// Those of the engine; an interruption is one of them.
#[cfg(feature = "llama")]
pub fn repeat(
    (model, session): (&Model, &mut Session<'_>),
    test: Test,
    (threads, tokens): (u32, usize),
    clock: &Clock,
    cpu_ns: impl Fn() -> Option<u64>,
    stop: &AtomicBool,
) -> Result<TokenSample, EngineError> {
    session.set_threads(threads, threads)?;
    let prompt = model.measured_tokens(tokens);
    let cpu_before = cpu_ns();
    let began_ns = clock.now_ns();
    let (elapsed_ns, ttft_ns, inter_token_ns) = match test {
        Test::Prompt => {
            let turn = session.turn(&prompt, 1, stop)?;
            (turn.ttft_ns, Some(turn.ttft_ns), Vec::new())
        }
        Test::Generation => {
            let timing = session.generate(tokens, stop)?;
            (timing.elapsed_ns, None, timing.inter_token_ns)
        }
    };
    let ended_ns = clock.now_ns();
    let cpu_ns = cpu_before.zip(cpu_ns()).map(|(before, after)| after.saturating_sub(before));
    Ok(TokenSample { began_ns, ended_ns, tokens, elapsed_ns, ttft_ns, inter_token_ns, cpu_ns })
}
