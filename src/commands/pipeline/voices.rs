//! Who answers with which settings: the model in a context of its own for each, or stand-ins of known speed.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

#[cfg(feature = "llama")]
use crate::clock::Clock;
use crate::failure::Failure;
#[cfg(feature = "llama")]
use crate::llm::engine::{ContextSpec, Model};
#[cfg(feature = "llama")]
use crate::measure::ModelSpeaker;
use crate::measure::{PacedSpeaker, PacedSpec, Speaker};
use crate::plan::Arm;

/// Tokens of the application's warm start.
#[cfg(feature = "llama")]
const WARM_TOKENS: usize = 2;

/// Somebody who answers, and how long warming up took, in nanoseconds, where it was done.
pub(super) type Ready<'m> = (Box<dyn Speaker<'m> + 'm>, Option<u64>);

/// What answers for one set of settings.
pub(super) enum Voice<'m> {
    /// A model.
    #[cfg(feature = "llama")]
    Model(&'m Model),
    /// A stand-in.
    Paced(PacedSpec, std::marker::PhantomData<&'m ()>),
}

impl<'m> Voice<'m> {
    /// A stand-in of that speed.
    pub(super) fn paced(spec: PacedSpec) -> Self {
        Self::Paced(spec, std::marker::PhantomData)
    }

    /// How long each command of its reactions is held back.
    pub(super) fn holds(&self) -> Duration {
        match self {
            #[cfg(feature = "llama")]
            Self::Model(_) => Duration::ZERO,
            Self::Paced(spec, _) => Duration::from_secs_f64(spec.hold_ms / 1e3),
        }
    }

    /// Somebody who has never answered: in a fresh context, which is warmed up if the settings want that.
    #[cfg_attr(not(feature = "llama"), allow(clippy::unnecessary_wraps))] // Stand-ins never fail.
    pub(super) fn speaker(&self, arm: &Arm, stop: &AtomicBool) -> Result<Ready<'m>, Failure> {
        match self {
            #[cfg(feature = "llama")]
            Self::Model(model) => {
                let session = model.session(&context(arm))?;
                let mut speaker = ModelSpeaker::new(model, session);
                let clock = Clock::start();
                let warm_up_ns = if arm.warm_start {
                    speaker.warm_up(WARM_TOKENS, stop)?;
                    Some(clock.now_ns())
                } else {
                    None
                };
                Ok((Box::new(speaker), warm_up_ns))
            }
            Self::Paced(spec, _) => {
                let _ = (arm, stop);
                Ok((Box::new(PacedSpeaker::new(*spec)), None))
            }
        }
    }
}

/// The context that the settings ask for.
#[cfg(feature = "llama")]
pub(super) fn context(arm: &Arm) -> ContextSpec {
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
