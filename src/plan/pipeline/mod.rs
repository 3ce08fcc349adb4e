//! The plan of `pipeline`.

mod arm;
mod plan;

pub use arm::{ARM_KEYS, Arm, ArmError};
pub use plan::{PipelinePlan, PipelinePlanError, Side};
