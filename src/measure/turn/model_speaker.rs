//! A model that answers.

use std::sync::atomic::AtomicBool;

use super::speaker::{Prompt, Reader, Speaker, SpeakerError};
use crate::llm::ChatMessage;
use crate::llm::engine::{Model, Session};

/// A model, and a context of it. Each answer starts from an empty context: the whole prompt is processed anew.
#[derive(Debug)]
pub struct ModelSpeaker<'m> {
    model: &'m Model,
    session: Session<'m>,
}

impl<'m> ModelSpeaker<'m> {
    /// Answers with that model in that context.
    #[must_use]
    pub fn new(model: &'m Model, session: Session<'m>) -> Self {
        Self { model, session }
    }

    /// Generates `n_gen` tokens that nobody reads, as the application does before the first turn.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn warm_up(&mut self, n_gen: usize, stop: &AtomicBool) -> Result<(), SpeakerError> {
        Ok(self.session.generate(n_gen, stop).map(drop)?)
    }
}

impl<'m> Speaker<'m> for ModelSpeaker<'m> {
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt {
        let prompt = self.model.chat_prompt(messages);
        Prompt { tokens: prompt.tokens, template: prompt.template }
    }

    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<i32>),
    ) -> Result<(), SpeakerError> {
        Ok(self.session.answer(&prompt.tokens, n_gen, stop, said)?)
    }

    fn reader(&self) -> Reader<'m> {
        let model = self.model;
        Box::new(move |tokens| model.text(tokens))
    }
}
