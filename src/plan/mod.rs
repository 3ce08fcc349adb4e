//! From what was asked to what will be done: arguments and configuration, resolved to the last default.

mod ipc;
mod model;
mod shared;

pub use ipc::{FoundBy, IpcCase, IpcPlan, PlanError};
pub use model::{ModelChoice, ModelChoiceError, ModelFoundBy};
