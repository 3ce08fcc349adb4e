//! The plan of `pipeline`.

mod companion_settings;
mod in_force;
mod plan;
mod recommended;

pub use companion_settings::{ARM_KEYS, CompanionSettings, CompanionSettingsError, LACKING};
pub(super) use plan::SYSTEM_PROMPT_TOKENS;
pub use plan::{PipelinePlan, PipelinePlanError, PipelineSide};
pub use recommended::MeasuredSettings;
