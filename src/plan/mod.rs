//! From what was asked to what will be done: arguments and configuration, resolved to the last default.

mod ipc;
mod shared;

pub use ipc::{FoundBy, IpcCase, IpcPlan, PlanError};
