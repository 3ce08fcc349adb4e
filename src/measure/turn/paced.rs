//! A speaker with exactly known speed: the known truth for tests of the pipeline's figures.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::reply_end::ReplyEnd;
use super::speaker::{Prompt, Speaker, SpeakerError, TokenReader};
use crate::clock::{Clock, nanos};
use crate::llm::ChatMessage;

/// Its speed: `PROMPT_RATE:RATE`, tokens per second for prompts and for answers; with `:BUILD:HOLD`, also the
/// milliseconds it takes to build a prompt and by which it delays each command of a reaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PaceSpec {
    /// Prompt tokens per second.
    pub prompt_per_s: f64,
    /// Answer tokens per second.
    pub tokens_per_s: f64,
    /// Time to build a prompt, in milliseconds.
    pub build_ms: f64,
    /// Delay of each command of a reaction, in milliseconds.
    pub hold_ms: f64,
}

/// Why a text is not a valid speed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{text}' is not PROMPT_RATE:RATE, two rates from 1 to 1000000 tokens per second, or these with :BUILD:HOLD, times \
     up to 10000 ms"
)]
pub struct PaceSpecError {
    /// The given text.
    pub text: String,
}

impl FromStr for PaceSpec {
    type Err = PaceSpecError;

    fn from_str(text: &str) -> Result<Self, PaceSpecError> {
        let rate = |text: &str| text.parse().ok().filter(|rate| (1.0..=1e6).contains(rate));
        let time = |text: &str| text.parse().ok().filter(|time| (0.0..=1e4).contains(time));
        let parts: Vec<&str> = text.split(':').collect();
        let spec = match parts[..] {
            [prompt, answer] => rate(prompt).zip(rate(answer)).zip(Some((0.0, 0.0))),
            [prompt, answer, build, hold] => rate(prompt).zip(rate(answer)).zip(time(build).zip(time(hold))),
            _ => None,
        };
        let ((prompt_per_s, tokens_per_s), (build_ms, hold_ms)) =
            spec.ok_or_else(|| PaceSpecError { text: text.into() })?;
        Ok(Self { prompt_per_s, tokens_per_s, build_ms, hold_ms })
    }
}

impl fmt::Display for PaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prompt_per_s, self.tokens_per_s)?;
        if self.build_ms > 0.0 || self.hold_ms > 0.0 {
            write!(f, ":{}:{}", self.build_ms, self.hold_ms)?;
        }
        Ok(())
    }
}

/// Bytes of text per token.
const BYTES_A_TOKEN: usize = 4;

/// Answers at exactly this speed, with empty text.
#[derive(Debug, Clone, Copy)]
pub struct PacedSpeaker {
    spec: PaceSpec,
}

impl PacedSpeaker {
    /// Creates a speaker of this speed.
    #[must_use]
    pub fn new(spec: PaceSpec) -> Self {
        Self { spec }
    }
}

impl<'m> Speaker<'m> for PacedSpeaker {
    fn prompt(&mut self, messages: &[ChatMessage]) -> Prompt {
        let clock = Clock::start();
        clock.sleep_until(nanos(Duration::from_secs_f64(self.spec.build_ms / 1e3)));
        let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
        Prompt { tokens: vec![0; bytes / BYTES_A_TOKEN + 1], template: "none" }
    }

    fn answer(
        &mut self,
        prompt: &Prompt,
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut (dyn FnMut(Option<i32>) + Send),
    ) -> Result<(), SpeakerError> {
        said(None);
        let clock = Clock::start();
        let first_s = prompt.tokens.len() as f64 / self.spec.prompt_per_s;
        for done in 0..n_gen {
            // All times count from the start, so that a late token delays no other.
            clock.sleep_until(nanos(Duration::from_secs_f64(first_s + done as f64 / self.spec.tokens_per_s)));
            if stop.load(Ordering::Relaxed) {
                return Err(SpeakerError::Stopped { done });
            }
            said(Some(0));
        }
        Ok(())
    }

    fn end_of(&self, _: &[i32]) -> ReplyEnd {
        ReplyEnd::Unknown
    }

    fn reader(&self) -> TokenReader<'m> {
        Box::new(|tokens| "… ".repeat(tokens.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::Conversation;

    #[test]
    fn speeds_are_two_rates() {
        let spec: PaceSpec = "800:25.5".parse().unwrap();
        assert_eq!(spec, PaceSpec { prompt_per_s: 800.0, tokens_per_s: 25.5, build_ms: 0.0, hold_ms: 0.0 });
        assert_eq!(spec.to_string().parse(), Ok(spec));
        let full: PaceSpec = "800:25.5:2:1.5".parse().unwrap();
        assert_eq!((full.build_ms, full.hold_ms, full.to_string().parse()), (2.0, 1.5, Ok(full)));
        for text in ["", "800", "0:5", "5:-1", "5:nan", "1:2:3", "inf:1", "1:2:3:-1", "1:2:3:4:5"] {
            assert!(text.parse::<PaceSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn tokens_are_never_early() {
        let mut conversation = Conversation::new("a system prompt of forty bytes, about it.", 4);
        conversation.ask("Bonjour !");
        let mut speaker = PacedSpeaker::new("2000:500".parse().unwrap());
        let prompt = speaker.prompt(&conversation.messages());
        assert_eq!(prompt.tokens.len(), 13);
        let clock = Clock::start();
        let mut moments_ns = Vec::new();
        let stop = AtomicBool::new(false);
        speaker.answer(&prompt, 4, &stop, &mut |_| moments_ns.push(clock.now_ns())).unwrap();
        // 13 tokens take 6.5 ms, each token of the answer 2 ms more.
        let earliest_ns = [0, 6_500_000, 8_500_000, 10_500_000, 12_500_000];
        assert_eq!(moments_ns.len(), earliest_ns.len());
        assert!(moments_ns.iter().zip(earliest_ns).all(|(at, earliest)| *at >= earliest), "{moments_ns:?}");
        stop.store(true, Ordering::Relaxed);
        let stopped = speaker.answer(&prompt, 4, &stop, &mut |_| {});
        assert!(stopped.is_err_and(|error| error.is_stop()));
    }
}
