//! From what was asked to what will be done: arguments and configuration, resolved to the last default.

mod campaign;
mod gpu_profiles;
mod ipc;
mod model;
mod shared;
mod threads;

pub use campaign::{CampaignError, CampaignPlan, Role, Variant};
pub use gpu_profiles::{Depth, GpuProfilesPlan, KeptFree};
pub use ipc::{DialectBy, FoundBy, IpcCase, IpcPlan, MaxRatePlan, PlanError, RoundTripsPlan, Study};
pub use model::{ModelChoice, ModelChoiceError, ModelFoundBy};
pub use threads::{Competition, Count, Rounds, Rule, ThreadsPlan};
