//! The checks of the doctor command: facts in, one line each out, with a fix. Pure: others collect the facts.

mod backends;
mod bridge;
mod check;
mod machine;
mod measured_loss;
mod model;
mod settings;

pub use backends::{BackendFacts, check_backends};
pub use bridge::{BridgeFacts, check_bridge, check_unread_address};
pub use check::{Check, CheckState, Symptom};
pub use machine::{MachineFacts, check_machine};
pub use measured_loss::{EngineInUse, check_measured_losses, check_profile_loss};
pub use model::{ConfigFacts, GpuFacts, ModelNeed, check_config, check_gpu, check_model, check_threads};
pub use settings::{LaunchFacts, RunningWorkly, check_settings};
