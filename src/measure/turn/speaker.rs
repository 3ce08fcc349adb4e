//! The answering side: a model, or a paced speaker of known speed.

use std::sync::atomic::AtomicBool;

use super::reply_end::ReplyEnd;
use crate::llm::ChatMessage;
#[cfg(feature = "llama")]
use crate::llm::engine::{EngineError, Model};
use crate::plural::counted;
#[cfg(feature = "llama")]
use crate::record::Priority;

/// Why an answer is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum SpeakerError {
    /// An error of the engine.
    #[cfg(feature = "llama")]
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The system does not run threads at that priority.
    #[cfg(feature = "llama")]
    #[error("the model's threads cannot run at priority {}", priority.name())]
    Priority {
        /// Which.
        priority: Priority,
        /// Why.
        source: std::io::Error,
    },
    /// The process that answers failed.
    #[cfg(feature = "llama")]
    #[error("the process that answers failed: {reason}")]
    Worker {
        /// Why.
        reason: String,
    },
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
            #[cfg(feature = "llama")]
            Self::Priority { .. } | Self::Worker { .. } => false,
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

#[cfg(feature = "llama")]
impl Prompt {
    /// The messages in the application's prompt form, as tokens of `model`.
    #[must_use]
    pub fn of_app(model: &Model, messages: &[ChatMessage]) -> Self {
        let prompt = model.app_prompt(messages);
        Self { tokens: prompt.tokens, template: prompt.template }
    }
}

/// Turns tokens into what they say.
pub type TokenReader<'m> = Box<dyn Fn(&[i32]) -> String + Send + Sync + 'm>;

/// A reader for the tokens of `model`.
#[cfg(feature = "llama")]
#[must_use]
pub fn reader_of(model: &Model) -> TokenReader<'_> {
    Box::new(move |tokens| model.text(tokens))
}

/// Where the application would have ended an answer of `model` with these tokens.
#[cfg(feature = "llama")]
#[must_use]
pub fn end_of(model: &Model, tokens: &[i32]) -> ReplyEnd {
    ReplyEnd::of(tokens, |token| model.ends_generation(token))
}

/// Answers conversations, token by token.
pub trait Speaker<'m> {
    /// Renders the messages and turns them into tokens.
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt;

    /// Answers with `n_gen` tokens. `said` runs on the thread that computes, and gets `None` when the prompt is about to be processed, then each token as it is chosen.
    ///
    /// # Errors
    /// [`SpeakerError`], including interruption.
    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut (dyn FnMut(Option<i32>) + Send),
    ) -> Result<(), SpeakerError>;

    /// Where the application would have ended the answer with these tokens.
    fn end_of(&self, tokens: &[i32]) -> ReplyEnd;

    /// A reader for its tokens, usable while it answers.
    fn reader(&self) -> TokenReader<'m>;
}
