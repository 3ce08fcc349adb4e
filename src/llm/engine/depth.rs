//! Measuring at a depth: with tokens already in the context, as in the middle of a conversation.

use std::sync::atomic::AtomicBool;

use super::ffi::SamplerChain;
use super::session::{Computation, ModelSession};
use super::timing::{GenTiming, PromptTiming, steps};
use super::{EngineError, Sampling};
use crate::clock::Clock;

/// Seed of drawn tokens: the same in every repetition.
const SEED: u32 = 0;

impl ModelSession<'_> {
    /// Processes a prompt like [`ModelSession::prompt`], with `depth` fixed tokens already in the context. They are computed
    /// once, outside the timed part, and kept for the next measurement at that depth.
    pub fn prompt_at(&mut self, depth: usize, n_tokens: usize, stop: &AtomicBool) -> Result<PromptTiming, EngineError> {
        self.fits(depth + n_tokens)?;
        self.fill(depth, stop)?;
        let tokens = self.model.measured_tokens(n_tokens);
        self.measure_filled(depth, stop, |turn| {
            let clock = Clock::start();
            turn.batches(&tokens)?;
            turn.run.synchronize();
            Ok(PromptTiming { n: n_tokens, elapsed_ns: clock.now_ns() })
        })
    }

    /// Generates tokens like [`ModelSession::generate`], after `depth` tokens as in [`ModelSession::prompt_at`]. With `sampling`,
    /// each token is drawn as in an application, and drawing is part of the time; an end-of-generation token ends
    /// nothing. `progress` receives the number of tokens so far. If `stop` is set after at least one token, the result
    /// covers the tokens so far, counted by `n`.
    pub fn generate_at(
        &mut self,
        depth: usize,
        n_tokens: usize,
        sampling: Option<&Sampling>,
        stop: &AtomicBool,
        progress: impl Fn(usize),
    ) -> Result<GenTiming, EngineError> {
        self.fits(depth + n_tokens)?;
        self.fill(depth, stop)?;
        let tokens = self.model.measured_tokens(n_tokens);
        let mut sampler = sampling.and_then(|sampling| SamplerChain::new(sampling, SEED));
        let mut drawn = None;
        let mut moments_ns = Vec::with_capacity(n_tokens + 1);
        self.measure_filled(depth, stop, |turn| {
            let clock = Clock::start();
            moments_ns.push(clock.now_ns());
            for token in &tokens {
                match turn.one(drawn.unwrap_or(*token)) {
                    Err(EngineError::Stopped { .. }) if moments_ns.len() > 1 => break,
                    other => other?,
                }
                if sampler.is_some() {
                    drawn = Some(turn.next(&mut sampler)?);
                } else {
                    turn.run.synchronize();
                }
                moments_ns.push(clock.now_ns());
                progress(moments_ns.len() - 1);
            }
            let inter_token_ns = steps(&moments_ns);
            Ok(GenTiming { n: inter_token_ns.len(), elapsed_ns: inter_token_ns.iter().sum(), inter_token_ns })
        })
    }

    /// Makes the context contain exactly `depth` fixed tokens. Tokens after them are cut off; if the model's memory
    /// cannot be cut, all are recomputed, once.
    pub fn fill(&mut self, depth: usize, stop: &AtomicBool) -> Result<(), EngineError> {
        let is_filled = self.filled == depth;
        if is_filled && (self.is_at_depth || (depth > 0 && self.context.keep_first(depth))) {
            self.is_at_depth = true;
            return Ok(());
        }
        self.fits_or_empty(depth)?;
        let tokens = self.model.measured_tokens(depth);
        self.measure(stop, |turn| {
            turn.batches(&tokens)?;
            turn.run.synchronize();
            Ok(())
        })?;
        (self.filled, self.is_at_depth) = (depth, true);
        Ok(())
    }

    fn fits_or_empty(&self, n_tokens: usize) -> Result<(), EngineError> {
        if n_tokens == 0 { Ok(()) } else { self.fits(n_tokens) }
    }

    /// Measures after the `depth` tokens in the context, which remain there whatever the outcome.
    fn measure_filled<T>(
        &mut self,
        depth: usize,
        stop: &AtomicBool,
        work: impl FnOnce(&mut Computation<'_, '_>) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let measured = self.measure_after(depth, stop, work);
        self.filled = depth;
        measured
    }
}
