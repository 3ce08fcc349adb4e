//! How the errors of `pipeline` end.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::measure::{RenderLoadError, SpeakerError};
use crate::plan::{ARM_KEYS, ArmError, PipelinePlanError};

impl From<PipelinePlanError> for Failure {
    fn from(error: PipelinePlanError) -> Self {
        match error {
            PipelinePlanError::Reach(error) => error.into(),
            PipelinePlanError::Arm(error) => error.into(),
            PipelinePlanError::Reaction(_) => Self::new(Exit::Usage, error.into())
                .hint("reaction=pipelined sends the commands at once on any bridge; --dialect instrumented has batches that are applied"),
        }
    }
}

impl From<ArmError> for Failure {
    fn from(error: ArmError) -> Self {
        let (exit, hint) = match &error {
            ArmError::UnknownKey { .. } => (Exit::Usage, format!("the settings are {}", ARM_KEYS.join(", "))),
            ArmError::BadValue { .. } => (Exit::Usage, "see workly-perf pipeline --help".into()),
            ArmError::Unknown { .. } => (
                Exit::Usage,
                "for one: --after app,n_threads=2,react=first-words; or the folder of a run of recommend".into(),
            ),
            ArmError::NotARecommendation { .. } => {
                (Exit::Unreadable, "name the folder of a run of workly-perf recommend".into())
            }
        };
        Self::new(exit, error.into()).hint(hint)
    }
}

impl From<SpeakerError> for Failure {
    fn from(error: SpeakerError) -> Self {
        match error {
            #[cfg(feature = "llama")]
            SpeakerError::Engine(error) => error.into(),
            SpeakerError::Stopped { .. } => Self::new(Exit::Interrupted, error.into()),
        }
    }
}

impl From<RenderLoadError> for Failure {
    fn from(error: RenderLoadError) -> Self {
        Self::new(Exit::Failed, error.into()).hint("--under-load none --no-contention measures without it")
    }
}
