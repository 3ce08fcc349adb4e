//! From facts and records to a recommendation: pure rules that measure, read and print nothing.

mod by_bridge;
mod by_gpu_runs;
mod by_launch;
mod by_noise;
mod by_placement;
mod by_threads;
mod case_speeds;
pub mod checkup;
mod evidence;
mod gains;
mod gpu_rules;
mod ipc_rules;
mod leak;
mod measured_settings;
mod obeyed;
mod placement;
mod recommend;
mod recommendation;
mod recommendation_input;
mod setting_choice;
mod standstill;
mod thread_choice;
pub mod threads;
mod threads_by_rule;
pub mod watch;

pub use by_launch::measured_in_place;
pub use by_noise::noise_behind;
#[cfg(all(test, feature = "llama"))]
pub(crate) use by_threads::ENGINE_OF_THE_APP;
pub use gains::{Gain, gains};
pub use gpu_rules::{GpuRule, RuleComparison, RuleResult, RuleStep, TableGpu, gpu_rules, table_gpus};
pub use leak::{InconclusiveReason, LeakJudgement, LeakRule, LeakVerdict, RecordedSlope};
pub use measured_settings::measured_settings;
pub use obeyed::{ObeyedBy, ProfileChange};
pub use placement::{MemoryBudget, PlacementOption, PlacementPick, cliffs, pick};
pub use recommend::recommend;
pub use recommendation::{
    Basis, Choice, Confidence, Evidence, Margin, Objective, RECOMMENDATION_SCHEMA, Recommendation, Setting, spelled,
};
pub use recommendation_input::{ContextFootprint, GpuInput, ModelNeeds, ProfileRequirement, RecommendationInput};
pub use setting_choice::{FastestOf, SettingCandidate, SettingChoice};
pub use standstill::Standstill;
pub use thread_choice::{Certainty, ThreadCandidate, ThreadChoice};
