//! A model that computes at a priority of its own.

use std::sync::atomic::AtomicBool;

use crate::host::run_at;
use crate::llm::ChatMessage;
use crate::measure::{ModelSpeaker, Prompt, ReplyEnd, Speaker, SpeakerError, TokenReader};
use crate::record::Priority;

/// A model, and the priority that its threads have while they compute. What reads its tokens runs at that priority too, as in an
/// application that is handed them one by one.
#[derive(Debug)]
pub(super) struct PrioritySpeaker<'m> {
    speaker: ModelSpeaker<'m>,
    priority: Priority,
}

impl<'m> PrioritySpeaker<'m> {
    pub(super) fn new(speaker: ModelSpeaker<'m>, priority: Priority) -> Self {
        Self { speaker, priority }
    }

    /// As [`ModelSpeaker::warm_up`].
    pub(super) fn warm_up(&mut self, n_gen: usize, stop: &AtomicBool) -> Result<(), SpeakerError> {
        self.at_priority(|speaker| speaker.warm_up(n_gen, stop))
    }

    fn at_priority(
        &mut self,
        work: impl FnOnce(&mut ModelSpeaker<'m>) -> Result<(), SpeakerError> + Send,
    ) -> Result<(), SpeakerError> {
        let (priority, speaker) = (self.priority, &mut self.speaker);
        run_at(priority, || work(speaker)).map_err(|source| SpeakerError::Priority { priority, source })?
    }
}

impl<'m> Speaker<'m> for PrioritySpeaker<'m> {
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt {
        self.speaker.prompt(messages)
    }

    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut (dyn FnMut(Option<i32>) + Send),
    ) -> Result<(), SpeakerError> {
        self.at_priority(|speaker| speaker.answer(prompt, n_gen, stop, said))
    }

    fn end_of(&self, tokens: &[i32]) -> ReplyEnd {
        self.speaker.end_of(tokens)
    }

    fn reader(&self) -> TokenReader<'m> {
        self.speaker.reader()
    }
}
