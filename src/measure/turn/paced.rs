//! A stand-in for a model whose speed is known to the nanosecond: the truth that a pipeline's figures are tested against.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::speaker::{Prompt, Reader, Speaker, SpeakerError};
use crate::clock::{Clock, nanos};
use crate::llm::ChatMessage;

/// How fast it is: `PROMPT_RATE:RATE`, tokens a second of prompts and of answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PacedSpec {
    /// Tokens of the prompt, a second.
    pub prompt_per_s: f64,
    /// Tokens of the answer, a second.
    pub tokens_per_s: f64,
}

/// Why a text is no such speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not PROMPT_RATE:RATE, two rates from 1 to 1000000 tokens a second")]
pub struct PacedSpecError {
    /// What was given.
    pub text: String,
}

impl FromStr for PacedSpec {
    type Err = PacedSpecError;

    fn from_str(text: &str) -> Result<Self, PacedSpecError> {
        let rate = |text: &str| text.parse().ok().filter(|rate| (1.0..=1e6).contains(rate));
        let rates = text.split_once(':').and_then(|(prompt, answer)| rate(prompt).zip(rate(answer)));
        let (prompt_per_s, tokens_per_s) = rates.ok_or_else(|| PacedSpecError { text: text.into() })?;
        Ok(Self { prompt_per_s, tokens_per_s })
    }
}

impl fmt::Display for PacedSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prompt_per_s, self.tokens_per_s)
    }
}

/// Bytes of text that make a token of it.
const BYTES_A_TOKEN: usize = 4;

/// Answers at exactly that speed, and says nothing.
#[derive(Debug, Clone, Copy)]
pub struct PacedSpeaker {
    spec: PacedSpec,
}

impl PacedSpeaker {
    /// One of that speed.
    #[must_use]
    pub fn new(spec: PacedSpec) -> Self {
        Self { spec }
    }
}

impl<'m> Speaker<'m> for PacedSpeaker {
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt {
        let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
        Prompt { tokens: vec![0; bytes / BYTES_A_TOKEN + 1], template: "none" }
    }

    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<i32>),
    ) -> Result<(), SpeakerError> {
        said(None);
        let clock = Clock::start();
        let first_s = prompt.tokens.len() as f64 / self.spec.prompt_per_s;
        for done in 0..n_gen {
            // Every moment counts from the beginning, so that a late one delays no other.
            clock.sleep_until(nanos(Duration::from_secs_f64(first_s + done as f64 / self.spec.tokens_per_s)));
            if stop.load(Ordering::Relaxed) {
                return Err(SpeakerError::Stopped { done });
            }
            said(Some(0));
        }
        Ok(())
    }

    fn reader(&self) -> Reader<'m> {
        Box::new(|tokens| "… ".repeat(tokens.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Conversation;

    #[test]
    fn speeds_are_two_rates() {
        let spec: PacedSpec = "800:25.5".parse().unwrap();
        assert_eq!(spec, PacedSpec { prompt_per_s: 800.0, tokens_per_s: 25.5 });
        assert_eq!(spec.to_string().parse(), Ok(spec));
        for text in ["", "800", "0:5", "5:-1", "5:nan", "1:2:3", "inf:1"] {
            assert!(text.parse::<PacedSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_token_comes_before_its_moment() {
        let mut conversation = Conversation::new("a system prompt of forty bytes, about it.", 4);
        conversation.ask("Bonjour !");
        let mut speaker = PacedSpeaker::new(PacedSpec { prompt_per_s: 2_000.0, tokens_per_s: 500.0 });
        let prompt = speaker.prompt(&conversation.messages());
        assert_eq!(prompt.tokens.len(), 13);
        let clock = Clock::start();
        let mut moments_ns = Vec::new();
        let stop = AtomicBool::new(false);
        speaker.answer(&prompt, 4, &stop, &mut |_| moments_ns.push(clock.now_ns())).unwrap();
        // 13 tokens take 6.5 ms, each of the answer 2 ms more.
        let earliest_ns = [0, 6_500_000, 8_500_000, 10_500_000, 12_500_000];
        assert_eq!(moments_ns.len(), earliest_ns.len());
        assert!(moments_ns.iter().zip(earliest_ns).all(|(at, earliest)| *at >= earliest), "{moments_ns:?}");
        stop.store(true, Ordering::Relaxed);
        let stopped = speaker.answer(&prompt, 4, &stop, &mut |_| {});
        assert!(stopped.is_err_and(|error| error.is_stop()));
    }
}
