//! A model that answers as in the application: with its prompt template and sampler, and with prefix reuse from turn to
//! turn.

use std::sync::atomic::AtomicBool;

use super::reply_end::ReplyEnd;
use super::speaker::{Prompt, Speaker, SpeakerError, TokenReader, end_of, reader_of};
use crate::llm::ChatMessage;
use crate::llm::engine::{Model, ModelSession, Sampling};

/// A model and one of its contexts.
#[derive(Debug)]
pub struct ModelSpeaker<'m> {
    model: &'m Model,
    session: ModelSession<'m>,
    /// Answers so far: the seed of the next, so that two speakers with the same input answer alike.
    answers: u32,
}

impl<'m> ModelSpeaker<'m> {
    /// Answers with `model` in the context of `session`.
    #[must_use]
    pub fn new(model: &'m Model, session: ModelSession<'m>) -> Self {
        Self { model, session, answers: 0 }
    }

    /// Generates `n_gen` tokens as a warm-up and discards them.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn warm_up(&mut self, n_gen: usize, stop: &AtomicBool) -> Result<(), SpeakerError> {
        Ok(self.session.generate(n_gen, stop).map(drop)?)
    }
}

impl<'m> Speaker<'m> for ModelSpeaker<'m> {
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt {
        Prompt::of_app(self.model, messages)
    }

    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut (dyn FnMut(Option<i32>) + Send),
    ) -> Result<(), SpeakerError> {
        let seed = self.answers;
        self.answers = self.answers.wrapping_add(1);
        self.session.sampled_answer(&prompt.tokens, n_gen, (&Sampling::APP, seed), stop, said)?;
        Ok(())
    }

    fn end_of(&self, tokens: &[i32]) -> ReplyEnd {
        end_of(self.model, tokens)
    }

    fn reader(&self) -> TokenReader<'m> {
        reader_of(self.model)
    }
}
