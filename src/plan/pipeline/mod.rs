//! The plan of `pipeline`.

mod arm;
mod in_force;
mod plan;
mod recommended;

pub use arm::{ARM_KEYS, Arm, ArmError};
pub(super) use plan::SYSTEM_PROMPT_TOKENS;
pub use plan::{PipelinePlan, PipelinePlanError, Side};
pub use recommended::MeasuredSettings;
