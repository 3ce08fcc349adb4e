//! Whoever answers: a model, or a stand-in of known speed.

use std::sync::atomic::AtomicBool;

use crate::llm::ChatMessage;
#[cfg(feature = "llama")]
use crate::llm::engine::EngineError;
use crate::plural::counted;

/// Why there was no whole answer.
#[derive(Debug, thiserror::Error)]
pub enum SpeakerError {
    /// The engine's own reason.
    #[cfg(feature = "llama")]
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It was told to stop.
    #[error("stopped after {}", counted(*done, "token"))]
    Stopped {
        /// Tokens of the answer until then.
        done: usize,
    },
}

impl SpeakerError {
    /// Whether it ended because it was told to.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped { .. } => true,
            #[cfg(feature = "llama")]
            Self::Engine(error) => matches!(error, EngineError::Stopped { .. }),
        }
    }
}

/// A conversation, ready to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its tokens.
    pub tokens: Vec<i32>,
    /// Whose form it has.
    pub template: &'static str,
}

/// Turns tokens into what they say.
pub type Reader<'m> = Box<dyn Fn(&[i32]) -> String + 'm>;

/// Answers conversations, token by token.
pub trait Speaker<'m> {
    /// Renders the messages and turns them into tokens.
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt;

    /// Answers with `n_gen` tokens. `said` gets `None` when the prompt is about to be processed, then each token as it is chosen.
    ///
    /// # Errors
    /// [`SpeakerError`]; an interruption is one of them.
    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<i32>),
    ) -> Result<(), SpeakerError>;

    /// Reads its tokens, also while it answers.
    fn reader(&self) -> Reader<'m>;
}
