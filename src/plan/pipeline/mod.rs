//! The plan of `pipeline`.

mod arm;
mod in_force;
mod plan;
mod recommended;

pub use arm::{ARM_KEYS, Arm, ArmError};
pub use plan::{PipelinePlan, PipelinePlanError, Side};
pub(super) use plan::{SYSTEM_PROMPT_TOKENS, profile_of};
pub use recommended::MeasuredSettings;
