//! From the request to the plan: arguments and configuration with all defaults resolved.

mod app_profile;
mod campaign;
mod conversation;
mod cpus;
mod gpu_profiles;
mod ipc;
mod launch;
mod launched_app;
mod memory;
mod model;
mod needs;
mod pipeline;
mod reach;
mod recommend;
mod settings;
mod shared;
mod tap;
mod threads;
mod warmup;
mod watch;

pub use app_profile::app_profile;
pub use campaign::{CampaignError, CampaignPlan, Role, Variant};
pub use conversation::ConversationError;
pub use cpus::{oversubscribed, usable_counts};
pub use gpu_profiles::{Depth, GpuProfilesPlan, KeptFree, card_name};
pub use ipc::{
    BreakdownPlan, IpcCase, IpcPlan, IpcStudy, MaxRatePlan, ReplayPlan, RoundTripsPlan, SendStrategy, Shape,
    VariantsPlan,
};
pub use launch::{LaunchPlan, LaunchSettings, SettingsSource};
pub use launched_app::{ContextLimits, LaunchedApp};
pub use memory::{ConversationPlan, GrowthUnit, LeakPlan, MemoryWatchPlan};
pub use model::{ModelChoice, ModelChoiceError, ModelFoundBy};
pub use needs::{NeedsError, app_profiles, model_needs};
pub use pipeline::{ARM_KEYS, Arm, ArmError, MeasuredSettings, PipelinePlan, PipelinePlanError, Side};
pub use reach::{BridgeConnection, DialectBy, FoundBy, PlanError};
pub use recommend::{CurrentSettings, Effort, RecommendPlan};
pub use settings::settings_patch;
pub use shared::DEFAULT_CONFIG;
pub use tap::TapPlan;
#[cfg(all(test, feature = "llama"))]
pub(crate) use threads::tests::plan as threads_plan;
pub use threads::{Competition, Count, Rounds, Rule, ThreadsPlan};
pub use warmup::{REPLY_TO_A_PROMPT, WarmupPlan};
pub use watch::{SaturatePlan, WatchPlan, WatchPlanError};
