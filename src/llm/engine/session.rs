//! A context of a model, and the timed computations in it.
//!
//! Every measurement starts with an empty context and ends when the last token is computed. The clock is read outside
//! preparation and bookkeeping. End-of-text tokens are treated like all others.

use std::sync::atomic::{AtomicBool, Ordering};

use super::ffi::{ComputingContext, LlamaContext, SamplerChain};
use super::spec::check_threads;
use super::timing::{GenTiming, PromptTiming, TurnTiming, steps};
use super::{ContextSpec, EngineError, Model, Projection, Sampling, Token};
use crate::clock::Clock;

/// A context, empty or computing.
#[derive(Debug)]
pub struct ModelSession<'m> {
    pub(super) model: &'m Model,
    pub(super) context: LlamaContext<'m>,
    spec: ContextSpec,
    /// Tokens of earlier turns in the context that may be reused.
    held: Vec<Token>,
    /// Number of fixed tokens at the start of the context, for measurements at a depth; 0 once anything else was
    /// computed.
    pub(super) filled: usize,
    /// Whether the context contains exactly those.
    pub(super) is_at_depth: bool,
}

impl<'m> ModelSession<'m> {
    pub(super) fn new(model: &'m Model, context: LlamaContext<'m>, spec: &ContextSpec) -> Self {
        let spec =
            ContextSpec { n_ctx: context.n_ctx(), n_batch: context.n_batch(), n_ubatch: context.n_ubatch(), ..*spec };
        Self { model, context, spec, held: Vec::new(), filled: 0, is_at_depth: false }
    }

    /// The context's parameters, with the sizes set by llama.cpp.
    #[must_use]
    pub fn spec(&self) -> &ContextSpec {
        &self.spec
    }

    /// Memory held by the model and this context per device, from ggml's accounting of its buffers; in the form of a
    /// projection, for comparison.
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

    /// Changes the threads for generation and prompt processing from now on. Takes less than a microsecond and no
    /// memory; the first measurement with more threads also starts them.
    pub fn set_threads(&mut self, n_threads: u32, n_threads_batch: u32) -> Result<(), EngineError> {
        check_threads("n_threads", n_threads)?;
        check_threads("n_threads_batch", n_threads_batch)?;
        self.context.set_threads(n_threads, n_threads_batch);
        self.spec = ContextSpec { n_threads, n_threads_batch, ..self.spec };
        Ok(())
    }

    /// Warm-up as in llama-bench: a whole prompt of `n_prompt` tokens, and one token if `n_gen` is not 0.
    pub fn warm_up(&mut self, n_prompt: usize, n_gen: usize, stop: &AtomicBool) -> Result<(), EngineError> {
        if n_prompt > 0 {
            self.prompt(n_prompt, stop)?;
        }
        if n_gen > 0 {
            self.generate(1, stop)?;
        }
        Ok(())
    }

    /// Processes a prompt of `n_tokens` fixed tokens like llama-bench's `pp`: in batches of `n_batch`, with the logits
    /// of the last token of each.
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

    /// Computes `n_tokens` fixed tokens one at a time like llama-bench's `tg`: the model's output is not used.
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

    /// Processes a prompt and generates an answer of `n_gen` tokens, always the most likely. The first token of the
    /// answer results from the prompt.
    pub fn turn(&mut self, prompt: &[Token], n_gen: usize, stop: &AtomicBool) -> Result<TurnTiming, EngineError> {
        self.timed_turn(prompt, (n_gen, 0), None, stop)
    }

    /// Like [`ModelSession::turn`], but each token is drawn; without `draw` it is the most likely one.
    pub fn turn_drawn(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        draw: Option<(&Sampling, u32)>,
        stop: &AtomicBool,
    ) -> Result<TurnTiming, EngineError> {
        self.timed_turn(prompt, (n_gen, 0), draw, stop)
    }

    /// Like [`ModelSession::turn_drawn`], with prefix reuse: the start of the prompt that is still in the context from
    /// earlier calls is not recomputed. Also returns the number of reused tokens. The last token of the prompt is
    /// always computed, since the answer results from it.
    pub fn turn_on_prefix(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        draw: Option<(&Sampling, u32)>,
        stop: &AtomicBool,
    ) -> Result<(usize, TurnTiming), EngineError> {
        let kept = self.keep_prefix(prompt);
        let timing = self.timed_turn(prompt, (n_gen, kept), draw, stop)?;
        self.held.extend(prompt.iter().chain(&timing.tokens[..n_gen - 1]));
        Ok((kept, timing))
    }

    /// Cuts the context after the prefix that it shares with `prompt`; returns its length, without the last token of
    /// the prompt.
    fn keep_prefix(&mut self, prompt: &[Token]) -> usize {
        let same = self.held.iter().zip(prompt).take_while(|(held, asked)| held == asked).count();
        let wanted = same.min(prompt.len().saturating_sub(1));
        self.held.clear();
        // Some models' memory cannot be cut at every position: then everything is recomputed.
        if wanted > 0 && self.context.keep_first(wanted) { wanted } else { 0 }
    }

    fn timed_turn(
        &mut self,
        prompt: &[Token],
        (n_gen, kept): (usize, usize),
        draw: Option<(&Sampling, u32)>,
        stop: &AtomicBool,
    ) -> Result<TurnTiming, EngineError> {
        let mut sampler = draw.and_then(|(sampling, seed)| SamplerChain::new(sampling, seed));
        let mut tokens = Vec::with_capacity(n_gen);
        let mut moments_ns = Vec::with_capacity(n_gen);
        let mut clock = Clock::start();
        self.respond(prompt, (n_gen, kept), &mut sampler, stop, &mut |token| match token {
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

    /// Answers as the application does: with prefix reuse, sampling each token with this seed. `said` is called as by
    /// [`ModelSession::answer`]. Returns the number of reused tokens of the prompt.
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
        let mut sampler = SamplerChain::new(sampling, seed);
        self.respond(prompt, (n_gen, kept), &mut sampler, stop, &mut |token| {
            said(token);
            tokens.extend(token);
        })?;
        // The last token was chosen but not computed.
        self.held.extend(prompt.iter().chain(&tokens[..n_gen - 1]));
        Ok(kept)
    }

    /// Like [`ModelSession::turn`], with a callback for each token as it is chosen: `said` gets `None` just before the
    /// prompt is processed, then every token of the answer. It runs between tokens and is part of the timed region.
    pub fn answer(
        &mut self,
        prompt: &[Token],
        n_gen: usize,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<Token>),
    ) -> Result<(), EngineError> {
        self.respond(prompt, (n_gen, 0), &mut None, stop, said)
    }

    /// Answers a prompt of which the context contains exactly the first `kept` tokens.
    fn respond(
        &mut self,
        prompt: &[Token],
        (n_gen, kept): (usize, usize),
        sampler: &mut Option<SamplerChain>,
        stop: &AtomicBool,
        said: &mut dyn FnMut(Option<Token>),
    ) -> Result<(), EngineError> {
        if prompt.is_empty() || n_gen == 0 {
            return Err(EngineError::NoTokens);
        }
        // The last token of the answer is chosen but not computed.
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

    /// Rejects what does not fit the context. llama.cpp would only notice after computing most of it.
    pub(super) fn fits(&self, n_tokens: usize) -> Result<(), EngineError> {
        let n_ctx = self.spec.n_ctx as usize;
        match n_tokens {
            0 => Err(EngineError::NoTokens),
            _ if n_tokens > n_ctx => Err(EngineError::TooLong { n_tokens, n_ctx }),
            _ => Ok(()),
        }
    }

    /// Clears the context and runs `work` in it.
    pub(super) fn measure<T>(
        &mut self,
        stop: &AtomicBool,
        work: impl FnOnce(&mut Computation<'_, '_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.measure_after(0, stop, work)
    }

    /// Like `measure`, after `kept` tokens already in the context.
    pub(super) fn measure_after<T>(
        &mut self,
        kept: usize,
        stop: &AtomicBool,
        work: impl FnOnce(&mut Computation<'_, '_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.held.clear();
        (self.filled, self.is_at_depth) = (0, false);
        if kept == 0 {
            self.context.clear();
        }
        let log = self.model.backend().log();
        let position = log.position();
        let n_batch = self.spec.n_batch as usize;
        let measured = self.context.run(stop, |run| work(&mut Computation { run, stop, n_batch, done: 0 }));
        measured.map_err(|error| match error {
            EngineError::Decode { code, .. } => EngineError::Decode { code, log: log.reasons(position) },
            other => other,
        })
    }
}

/// A measurement in progress.
pub(super) struct Computation<'r, 'c> {
    pub(super) run: &'r mut ComputingContext<'c>,
    stop: &'r AtomicBool,
    n_batch: usize,
    done: usize,
}

impl Computation<'_, '_> {
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
                // The log is read after the timed region.
                Err(code) => return Err(EngineError::Decode { code, log: Vec::new() }),
            }
        }
        Err(EngineError::Stopped { done: self.done })
    }

    /// Waits for the last token, and chooses the next one: by the sampler, otherwise the most likely.
    pub(super) fn next(&mut self, sampler: &mut Option<SamplerChain>) -> Result<Token, EngineError> {
        let chosen = match sampler {
            Some(sampler) => self.run.sample(sampler),
            None => self.run.logits().map(highest),
        };
        chosen.ok_or(EngineError::Decode { code: 0, log: Vec::new() })
    }
}

/// Index of the highest value, the first if equal. NaN never wins.
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
    fn highest_value_is_the_first_of_equals() {
        assert_eq!(highest(&[0.5, 2.0, -1.0, 2.0]), 1);
        assert_eq!(highest(&[f32::NAN, -3.0, f32::NAN]), 1);
        assert_eq!(highest(&[f32::NAN]), 0);
    }
}
