//! A context on a model, and what is timed in it.
//!
//! Every measurement starts from an empty context and ends when the last token is computed. The clock is read outside
//! of whatever prepares or keeps a sample. End-of-sequence tokens are tokens like all others.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ffi::{Context, Run, Sampler};
use super::spec::check_threads;
use super::timing::{GenTiming, PromptTiming, TurnTiming, steps};
use super::{ContextSpec, EngineError, Model, Projection, Sampling, Token};
use crate::clock::Clock;

/// A context, empty or computing.
#[derive(Debug)]
pub struct Session<'m> {
    pub(super) model: &'m Model,
    pub(super) context: Context<'m>,
    spec: ContextSpec,
    /// What the context holds of a turn that may be built on.
    held: Vec<Token>,
    /// Fixed tokens that the context begins with, for measurements at a depth; 0 once anything else was computed in it.
    pub(super) filled: usize,
    /// Whether it holds those and nothing else.
    pub(super) is_at_depth: bool,
}

impl<'m> Session<'m> {
    pub(super) fn new(model: &'m Model, context: Context<'m>, spec: &ContextSpec) -> Self {
        let spec =
            ContextSpec { n_ctx: context.n_ctx(), n_batch: context.n_batch(), n_ubatch: context.n_ubatch(), ..*spec };
        Self { model, context, spec, held: Vec::new(), filled: 0, is_at_depth: false }
    }

    /// What the context is like, with the sizes that llama.cpp gave it.
    #[must_use]
    pub fn spec(&self) -> &ContextSpec {
        &self.spec
    }

    /// What the model and this context hold now, device by device, as ggml keeps account of its buffers; the same shape as a
    /// projection, to be compared with one.
    pub fn held(&self, n_gpu_layers: u32) -> Result<Projection, EngineError> {
        let n_layer = self.model.facts().n_layer;
        let held = self.context.held(self.model.llama()).map(|(devices, host)| Projection {
            n_gpu_layers: n_gpu_layers.min(n_layer + 1),
            n_layer,
            n_ctx: self.spec.n_ctx,
            devices,
            host,
        });
        held.ok_or(EngineError::Projection { status: -1, log: Vec::new() })
    }

    /// Changes the threads of generation and of prompt processing, for what is computed from now on. It costs less than
    /// a microsecond and touches no memory; the first measurement with more threads than before also starts those.
    pub fn set_threads(&mut self, n_threads: u32, n_threads_batch: u32) -> Result<(), EngineError> {
        check_threads("n_threads", n_threads)?;
        check_threads("n_threads_batch", n_threads_batch)?;
        self.context.set_threads(n_threads, n_threads_batch);
        self.spec = ContextSpec { n_threads, n_threads_batch, ..self.spec };
        Ok(())
    }

    /// What llama-bench does before it measures: a whole prompt of `n_prompt` tokens, and one token if `n_gen` is not
    /// 0.
    pub fn warm_up(&mut self, n_prompt: usize, n_gen: usize, stop: &AtomicBool) -> Result<(), EngineError> {
        if n_prompt > 0 {
            self.prompt(n_prompt, stop)?;
        }
        if n_gen > 0 {
            self.generate(1, stop)?;
        }
        Ok(())
    }

    /// Processes a prompt of `n_tokens` fixed tokens, as llama-bench's `pp` does: in batches of `n_batch`, with the
    /// logits of the last token of each.
    pub fn prompt(&mut self, n_tokens: usize, stop: &AtomicBool) -> Result<PromptTiming, EngineError> {
        self.fits(n_tokens)?;
        let tokens = self.model.measured_tokens(n_tokens);
        self.measure(stop, |turn| {
            let clock = Clock::start();
            turn.batches(&tokens)?;
            turn.run.synchronize();
            Ok(PromptTiming { n: n_tokens, elapsed_ns: clock.now_ns() })
        })
    }

    /// Computes `n_tokens` fixed tokens one at a time, as llama-bench's `tg` does: what the model makes of them is not
    /// read.
    pub fn generate(&mut self, n_tokens: usize, stop: &AtomicBool) -> Result<GenTiming, EngineError> {
        self.fits(n_tokens)?;
        let tokens = self.model.measured_tokens(n_tokens);
        let mut moments_ns = Vec::with_capacity(n_tokens + 1);
        self.measure(stop, |turn| {
            let clock = Clock::start();
            moments_ns.push(clock.now_ns());
            for token in &tokens {
                turn.one(*token)?;
                turn.run.synchronize();
                moments_ns.push(clock.now_ns());
            }
            let inter_token_ns = steps(&moments_ns);
            Ok(GenTiming { n: n_tokens, elapsed_ns: inter_token_ns.iter().sum(), inter_token_ns })
        })
    }

    /// Processes a prompt and answers it with `n_gen` tokens, each the likeliest. The first token of the answer comes
    /// out of the prompt itself.
    pub fn turn(&mut self, prompt: &[Token], n_gen: usize, stop: &AtomicBool) -> Result<TurnTiming, EngineError> {
        self.timed_turn(prompt, n_gen, stop, 0)
    }

    /// The same, but what the prompt begins with and the context still holds of the turns before, by this function, is not
    /// computed again. Also gives how many tokens that were. The last one of the prompt is always computed: the answer comes
    /// out of it.
    pub fn turn_on_prefix(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        stop: &AtomicBool,
    ) -> Result<(usize, TurnTiming), EngineError> {
        let kept = self.keep_prefix(prompt);
        let timing = self.timed_turn(prompt, n_gen, stop, kept)?;
        self.held.extend(prompt.iter().chain(&timing.tokens[..n_gen - 1]));
        Ok((kept, timing))
    }

    /// Cuts the context after what `prompt` begins with and it still holds; how many tokens that are. The last one of the prompt is
    /// never among them.
    fn keep_prefix(&mut self, prompt: &[Token]) -> usize {
        let same = self.held.iter().zip(prompt).take_while(|(held, asked)| held == asked).count();
        let wanted = same.min(prompt.len().saturating_sub(1));
        self.held.clear();
        // Some models' memory cannot be cut at any place: then all is computed.
        if wanted > 0 && self.context.keep_first(wanted) { wanted } else { 0 }
    }

    fn timed_turn(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        stop: &AtomicBool,
        kept: usize,
    ) -> Result<TurnTiming, EngineError> {
        let mut tokens = Vec::with_capacity(n_gen);
        let mut moments_ns = Vec::with_capacity(n_gen);
        let mut clock = Clock::start();
        self.respond(prompt, (n_gen, kept), &mut None, stop, &mut |token| match token {
            None => clock = Clock::start(),
            Some(token) => {
                moments_ns.push(clock.now_ns());
                tokens.push(token);
            }
        })?;
        Ok(TurnTiming {
            n_prompt: prompt.len(),
            n_gen,
            ttft_ns: moments_ns[0],
            inter_token_ns: steps(&moments_ns),
            elapsed_ns: moments_ns[n_gen - 1],
            tokens,
        })
    }

    /// Answers as the application does: what the prompt begins with and the context still holds is kept, and each token is drawn, with
    /// this seed. `said` is called as by [`Session::answer`]. How many tokens of the prompt were kept.
    pub fn sampled_answer(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        (sampling, seed): (&Sampling, u32),
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<Token>),
    ) -> Result<usize, EngineError> {
        let kept = self.keep_prefix(prompt);
        let mut tokens = Vec::with_capacity(n_gen);
        let mut sampler = Sampler::new(sampling, seed);
        self.respond(prompt, (n_gen, kept), &mut sampler, stop, &mut |token| {
            said(token);
            tokens.extend(token);
        })?;
        // The last token was chosen, and not computed.
        self.held.extend(prompt.iter().chain(&tokens[..n_gen - 1]));
        Ok(kept)
    }

    /// The same as [`Session::turn`], for whoever wants each token as it is chosen: `said` gets `None` when the prompt is about to be
    /// processed, then every token of the answer. It runs between two tokens and belongs to what is timed.
    pub fn answer(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<Token>),
    ) -> Result<(), EngineError> {
        self.respond(prompt, (n_gen, 0), &mut None, stop, said)
    }

    /// Answers a prompt of which the context holds the first `kept` tokens and nothing else.
    fn respond(
        &mut self,
        prompt: &[Token],
        (n_gen, kept): (usize, usize),
        sampler: &mut Option<Sampler>,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<Token>),
    ) -> Result<(), EngineError> {
        if prompt.is_empty() || n_gen == 0 {
            return Err(EngineError::NoTokens);
        }
        // The last token of the answer is chosen, but no longer computed.
        self.fits(prompt.len() + n_gen - 1)?;
        if let Some(token) = prompt.iter().find(|token| !self.model.knows(**token)) {
            return Err(EngineError::UnknownToken { token: *token, n_vocab: self.model.facts().n_vocab as usize });
        }
        self.measure_after(kept, stop, |turn| {
            said(None);
            turn.batches(&prompt[kept..])?;
            let mut token = turn.next(sampler)?;
            said(Some(token));
            for _ in 1..n_gen {
                turn.one(token)?;
                token = turn.next(sampler)?;
                said(Some(token));
            }
            Ok(())
        })
    }

    /// Refuses what the context cannot hold. llama.cpp itself would notice only after computing most of it.
    pub(super) fn fits(&self, n_tokens: usize) -> Result<(), EngineError> {
        let n_ctx = self.spec.n_ctx as usize;
        match n_tokens {
            0 => Err(EngineError::NoTokens),
            _ if n_tokens > n_ctx => Err(EngineError::TooLong { n_tokens, n_ctx }),
            _ => Ok(()),
        }
    }

    /// Empties the context and lets `work` compute in it.
    pub(super) fn measure<T>(
        &mut self,
        stop: &AtomicBool,
        work: impl FnOnce(&mut Computing<'_, '_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.measure_after(0, stop, work)
    }

    /// The same after `kept` tokens that are in the context.
    pub(super) fn measure_after<T>(
        &mut self,
        kept: usize,
        stop: &AtomicBool,
        work: impl FnOnce(&mut Computing<'_, '_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.held.clear();
        (self.filled, self.is_at_depth) = (0, false);
        if kept == 0 {
            self.context.clear();
        }
        let log = self.model.backend().log();
        let position = log.position();
        let n_batch = self.spec.n_batch as usize;
        let measured = self.context.run(stop, |run| work(&mut Computing { run, stop, n_batch, done: 0 }));
        measured.map_err(|error| match error {
            EngineError::Decode { code, .. } => EngineError::Decode { code, log: log.reasons(position) },
            other => other,
        })
    }
}

/// A measurement under way.
pub(super) struct Computing<'r, 'c> {
    pub(super) run: &'r mut Run<'c>,
    stop: &'r AtomicBool,
    n_batch: usize,
    done: usize,
}

impl Computing<'_, '_> {
    /// Computes tokens in batches.
    pub(super) fn batches(&mut self, tokens: &[Token]) -> Result<(), EngineError> {
        tokens.chunks(self.n_batch).try_for_each(|batch| self.decode(batch))
    }

    /// Computes one token.
    pub(super) fn one(&mut self, token: Token) -> Result<(), EngineError> {
        self.decode(&[token])
    }

    fn decode(&mut self, tokens: &[Token]) -> Result<(), EngineError> {
        if !self.stop.load(Ordering::Relaxed) {
            match self.run.decode(tokens) {
                Ok(()) => {
                    self.done += tokens.len();
                    return Ok(());
                }
                Err(_) if self.stop.load(Ordering::Relaxed) => {}
                // The log is read once nothing is being timed any more.
                Err(code) => return Err(EngineError::Decode { code, log: Vec::new() }),
            }
        }
        Err(EngineError::Stopped { done: self.done })
    }

    /// Waits for the last token, and chooses the one that follows it: as the sampler draws it, else the likeliest.
    fn next(&mut self, sampler: &mut Option<Sampler>) -> Result<Token, EngineError> {
        let chosen = match sampler {
            Some(sampler) => self.run.sample(sampler),
            None => self.run.logits().map(highest),
        };
        chosen.ok_or(EngineError::Decode { code: 0, log: Vec::new() })
    }
}

/// The place of the highest value, the first of equals. Values that are no numbers never win.
fn highest(values: &[f32]) -> Token {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (place, value) in (0..).zip(values) {
        if *value > best {
            (best, at) = (*value, place);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_is_the_first_of_equals() {
        assert_eq!(highest(&[0.5, 2.0, -1.0, 2.0]), 1);
        assert_eq!(highest(&[f32::NAN, -3.0, f32::NAN]), 1);
        assert_eq!(highest(&[f32::NAN]), 0);
    }
}
