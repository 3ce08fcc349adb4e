//! The conventions for contexts and replies: the application's or llama-bench's.

use serde::{Deserialize, Serialize};

#[cfg(feature = "llama")]
use crate::llm::ChatMessage;
use crate::llm::engine::FlashAttention;
#[cfg(feature = "llama")]
use crate::llm::engine::{ContextSpec, EngineError, Model, ModelSession, Sampling, Token, TurnTiming};

/// A context, and how prompts are built and tokens chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyConventions {
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
    pub flash_attn: FlashAttention,
    /// Whether prompts have the application's form and tokens are drawn by its sampler. Otherwise prompts use the
    /// model's template, and each token is the most likely one.
    pub is_app: bool,
}

#[cfg(feature = "llama")]
impl ReplyConventions {
    /// The context.
    #[must_use]
    pub fn context(&self) -> ContextSpec {
        ContextSpec {
            n_ctx: self.n_ctx,
            n_batch: self.n_batch,
            n_ubatch: self.n_ubatch,
            n_threads: self.n_threads,
            n_threads_batch: self.n_threads_batch,
            flash_attention: self.flash_attn,
            ..ContextSpec::default()
        }
    }

    /// The messages as a prompt, ready to be answered.
    #[must_use]
    pub fn prompt(&self, model: &Model, messages: &[ChatMessage]) -> Vec<Token> {
        if self.is_app { model.app_prompt(messages).tokens } else { model.chat_prompt(messages).tokens }
    }

    /// Answers a prompt, which is processed completely. The same seed draws the same tokens.
    ///
    /// # Errors
    /// Those of the engine, including an interruption.
    pub fn answer(
        &self,
        session: &mut ModelSession<'_>,
        prompt: &[Token],
        n_gen: usize,
        stop: &std::sync::atomic::AtomicBool,
    ) -> Result<TurnTiming, EngineError> {
        session.turn_drawn(prompt, n_gen, self.draw(), stop)
    }

    /// How each token is drawn; `None` means the most likely one.
    #[must_use]
    pub fn draw(&self) -> Option<(&'static Sampling, u32)> {
        self.is_app.then_some((&Sampling::APP, 0))
    }
}

#[cfg(all(test, feature = "llama"))]
mod tests {
    use super::*;

    #[test]
    fn app_conventions_draw_tokens_and_use_the_observed_context() {
        let app = ReplyConventions {
            n_ctx: 2048,
            n_threads: 6,
            n_threads_batch: 2,
            n_batch: 128,
            n_ubatch: 128,
            flash_attn: FlashAttention::Off,
            is_app: true,
        };
        let context = app.context();
        assert_eq!((context.n_threads, context.n_threads_batch, context.n_batch, context.n_ubatch), (6, 2, 128, 128));
        assert_eq!((context.flash_attention, app.draw()), (FlashAttention::Off, Some((&Sampling::APP, 0))));
        assert_eq!(ReplyConventions { is_app: false, ..app }.draw(), None);
    }
}
