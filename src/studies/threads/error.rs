//! Why a sweep cannot go on.

use std::io;

use crate::failure::Failure;
use crate::llm::engine::EngineError;
use crate::measure::{EngineSettings, RenderLoadError, WaitPolicy};
use crate::record::Priority;

/// Why the sweep could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum SweepError {
    /// The model.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The render-like load.
    #[error(transparent)]
    Load(#[from] RenderLoadError),
    /// A priority that the system does not give.
    #[error("the model's threads cannot run at priority {}", priority.name())]
    Priority {
        /// Which.
        priority: Priority,
        /// Why.
        source: io::Error,
    },
    /// A process that measures with another wait policy.
    #[error("the worker with OMP_WAIT_POLICY={} failed: {reason}", wait.name())]
    Worker {
        /// Its policy.
        wait: WaitPolicy,
        /// Why.
        reason: String,
    },
    /// A build whose threads do not read the policy.
    #[error("this build's llama.cpp has threads of its own, which read no wait policy when the process starts")]
    NoWaitPolicy,
    /// Settings without a context: a bug.
    #[error("there is no context for {settings}")]
    NoContext {
        /// The settings.
        settings: EngineSettings,
    },
    /// The budget ended before anything was measured.
    #[error(
        "the budget of {budget_s:.1} s was spent on the warm-up of {warm} of {all} settings, and nothing was measured"
    )]
    BudgetTooSmall {
        /// The budget, in seconds.
        budget_s: f64,
        /// Settings that were warmed up.
        warm: usize,
        /// Settings of the plan.
        all: usize,
        /// About how long a single round of everything takes, the warm-up included, in seconds.
        least_s: f64,
    },
}

impl From<SweepError> for Failure {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Engine(error) => error.into(),
            SweepError::BudgetTooSmall { least_s, .. } => {
                let hint = format!(
                    "a single round takes about {:.0} s here: --budget {:.0}s or more, fewer settings, or fewer tokens",
                    least_s.ceil(),
                    least_s.ceil()
                );
                Self::failed(error).hint(hint)
            }
            error @ SweepError::Priority { .. } => {
                Self::lacking(error).hint("leave --priority out, or name one that this system has")
            }
            error @ SweepError::NoWaitPolicy => {
                Self::lacking(error).hint("leave --wait out; a build with OpenMP has wait policies")
            }
            error @ SweepError::Worker { .. } => Self::failed(error).hint("leave --wait out to measure in one process"),
            error @ SweepError::NoContext { .. } => Self::bug(error),
            SweepError::Load(error) => Self::failed(error).hint("--under-load none measures without it"),
        }
    }
}
