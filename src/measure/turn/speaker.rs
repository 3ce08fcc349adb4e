//! The answering side: a model, or a paced speaker of known speed.

use std::sync::atomic::AtomicBool;

use crate::llm::ChatMessage;
#[cfg(feature = "llama")]
use crate::llm::engine::EngineError;
use crate::plural::counted;

/// Why an answer is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum SpeakerError {
    /// An error of the engine.
    #[cfg(feature = "llama")]
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It was told to stop.
    #[error("stopped after {}", counted(*done, "token"))]
    Stopped {
        /// Tokens of the answer so far.
        done: usize,
    },
}

impl SpeakerError {
    /// Whether it ended because it was told to stop.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped { .. } => true,
            #[cfg(feature = "llama")]
            Self::Engine(error) => matches!(error, EngineError::Stopped { .. }),
        }
    }
}

/// A conversation as tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// Its tokens.
    pub tokens: Vec<i32>,
    /// Name of the template.
    pub template: &'static str,
}

/// Turns tokens into text.
pub type Reader<'m> = Box<dyn Fn(&[i32]) -> String + 'm>;

/// Answers conversations, token by token.
pub trait Speaker<'m> {
    /// Renders the messages and turns them into tokens.
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt;

    /// Answers with `n_gen` tokens. `said` is called with `None` just before the prompt is processed, then with each
    /// token as it is chosen.
    ///
    /// # Errors
    /// [`SpeakerError`], including interruption.
    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<i32>),
    ) -> Result<(), SpeakerError>;

    /// A reader for its tokens, usable while it answers.
    fn reader(&self) -> Reader<'m>;
}
