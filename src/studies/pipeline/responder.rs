//! The responder for each set of settings: the model in its own context, or a paced speaker.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[cfg(feature = "llama")]
use super::speaker_at::PrioritySpeaker;
#[cfg(feature = "llama")]
use super::worker::{ResponderWorker, WorkerSpeaker};
#[cfg(feature = "llama")]
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host;
#[cfg(feature = "llama")]
use crate::llm::engine::{ContextSpec, Model};
#[cfg(feature = "llama")]
use crate::measure::ModelSpeaker;
use crate::measure::{PaceSpec, PacedSpeaker, Speaker};
use crate::plan::{CompanionSettings, PipelineSide};

/// Tokens of the warm-up generation.
#[cfg(feature = "llama")]
pub(super) const WARM_TOKENS: usize = 2;

/// One side: its settings and its responder.
pub(super) struct Responder<'a> {
    pub(super) side: PipelineSide,
    pub(super) settings: &'a CompanionSettings,
    pub(super) config: ResponderConfig<'a>,
}

/// Kind of responder.
pub(super) enum ResponderConfig<'m> {
    /// A model.
    #[cfg(feature = "llama")]
    Model(&'m Model),
    /// The same model in a process of its own.
    #[cfg(feature = "llama")]
    Worker(&'m Model, &'m ResponderWorker),
    /// A simulated model.
    Paced(PaceSpec, std::marker::PhantomData<&'m ()>),
}

/// A speaker that has not answered yet.
pub(super) struct ReadySpeaker<'m> {
    pub(super) speaker: Box<dyn Speaker<'m> + 'm>,
    /// Duration of the warm-up in nanoseconds, if there was one.
    pub(super) warm_up_ns: Option<u64>,
}

impl ResponderConfig<'_> {
    /// A paced speaker of that speed.
    pub(super) fn paced(spec: PaceSpec) -> Self {
        Self::Paced(spec, std::marker::PhantomData)
    }
}

impl<'a> Responder<'a> {
    /// Delay of each command of its reactions.
    pub(super) fn holds(&self) -> Duration {
        match &self.config {
            #[cfg(feature = "llama")]
            ResponderConfig::Model(_) | ResponderConfig::Worker(..) => Duration::ZERO,
            ResponderConfig::Paced(spec, _) => Duration::from_secs_f64(spec.hold_ms / 1e3),
        }
    }

    /// Anonymous memory of the process that answers, in bytes.
    pub(super) fn anonymous_bytes(&self) -> Option<u64> {
        match &self.config {
            #[cfg(feature = "llama")]
            ResponderConfig::Worker(_, worker) => worker.anonymous_bytes(),
            _ => host::anonymous_bytes().value().copied(),
        }
    }

    /// A speaker in a fresh context, which is warmed up if the settings ask for that.
    #[cfg_attr(not(feature = "llama"), allow(clippy::unnecessary_wraps))] // Simulated models never fail.
    pub(super) fn speaker(&self, stop: &AtomicBool) -> Result<ReadySpeaker<'a>, Failure> {
        match &self.config {
            #[cfg(feature = "llama")]
            ResponderConfig::Model(model) => {
                let session = model.session(&context(self.settings))?;
                let mut speaker = PrioritySpeaker::new(ModelSpeaker::new(model, session), self.settings.priority);
                let clock = Clock::start();
                let warm_up_ns = if self.settings.warm_start {
                    speaker.warm_up(WARM_TOKENS, stop)?;
                    Some(clock.now_ns())
                } else {
                    None
                };
                Ok(ReadySpeaker { speaker: Box::new(speaker), warm_up_ns })
            }
            #[cfg(feature = "llama")]
            ResponderConfig::Worker(model, worker) => {
                let warm_up_ns = worker.fresh(stop)?;
                Ok(ReadySpeaker { speaker: Box::new(WorkerSpeaker { model, worker }), warm_up_ns })
            }
            ResponderConfig::Paced(spec, _) => {
                let _ = stop;
                Ok(ReadySpeaker { speaker: Box::new(PacedSpeaker::new(*spec)), warm_up_ns: None })
            }
        }
    }
}

/// The context for the settings.
#[cfg(feature = "llama")]
pub(super) fn context(arm: &CompanionSettings) -> ContextSpec {
    ContextSpec {
        n_ctx: arm.n_ctx,
        n_batch: arm.n_batch,
        n_ubatch: arm.n_ubatch,
        type_k: arm.kv_type,
        type_v: arm.kv_type,
        flash_attention: arm.flash_attn,
        n_threads: arm.n_threads,
        n_threads_batch: arm.n_threads_batch,
    }
}
