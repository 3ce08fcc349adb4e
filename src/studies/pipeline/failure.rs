//! Exit classes of `pipeline` errors.

use crate::failure::Failure;
use crate::measure::{RenderLoadError, SpeakerError};
use crate::plan::{ARM_KEYS, CompanionSettingsError, PipelinePlanError};

impl From<PipelinePlanError> for Failure {
    fn from(error: PipelinePlanError) -> Self {
        match error {
            PipelinePlanError::BridgeConnection(error) => error.into(),
            PipelinePlanError::Arm(error) => error.into(),
            PipelinePlanError::Reaction(_) => Self::usage(error).hint(
                "reaction=pipelined sends the commands at once on any bridge; --dialect instrumented has batches that are applied",
            ),
        }
    }
}

impl From<CompanionSettingsError> for Failure {
    fn from(error: CompanionSettingsError) -> Self {
        match &error {
            CompanionSettingsError::UnknownKey { .. } => {
                Self::usage(error).hint(format!("the settings are {}", ARM_KEYS.join(", ")))
            }
            CompanionSettingsError::BadValue { .. } => Self::usage(error).hint("see workly-perf pipeline --help"),
            CompanionSettingsError::Unknown { .. } => Self::usage(error)
                .hint("for example --after app,n_threads=2,react=first-words; or the folder of a run of recommend"),
            CompanionSettingsError::NoParameters { .. } => Self::unreadable(error)
                .hint("measure again with workly-perf launch --measure, and talk to the application meanwhile"),
            CompanionSettingsError::NotARecommendation { .. } => {
                Self::unreadable(error).hint("name the folder of a run of workly-perf recommend")
            }
        }
    }
}

impl From<SpeakerError> for Failure {
    fn from(error: SpeakerError) -> Self {
        match error {
            #[cfg(feature = "llama")]
            SpeakerError::Engine(error) => error.into(),
            #[cfg(feature = "llama")]
            error @ SpeakerError::Priority { .. } => Self::lacking(error).hint("leave the setting priority out"),
            #[cfg(feature = "llama")]
            error @ SpeakerError::Worker { .. } => {
                Self::failed(error).hint("leave the setting wait_policy out to measure in one process")
            }
            SpeakerError::Stopped { .. } => Self::interrupted(error),
        }
    }
}

impl From<RenderLoadError> for Failure {
    fn from(error: RenderLoadError) -> Self {
        Self::failed(error).hint("--under-load none --no-contention measures without it")
    }
}
