//! From the request to the plan: arguments and configuration with all defaults resolved.

mod app_profile;
mod bridge_connection;
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
mod recommend;
mod settings;
mod shared;
mod tap;
mod threads;
mod warmup;
mod watch;

pub use app_profile::app_profile;
pub use bridge_connection::{AddressOrigin, BridgeConnection, DialectOrigin, PlanError};
pub use campaign::{CampaignError, CampaignPlan, CampaignVariant, VariantRole};
pub use conversation::ConversationError;
pub use cpus::{oversubscribed, usable_counts};
pub use gpu_profiles::{GpuProfilesPlan, GpuReserve, SweepDepth, card_name};
pub use ipc::{
    BreakdownPlan, IpcCase, IpcPlan, IpcStudy, MaxRatePlan, MessageShape, ReplayPlan, RoundTripsPlan, SendStrategy,
    VariantsPlan,
};
pub use launch::{LaunchPlan, LaunchSettings, SettingsOrigin};
pub use launched_app::{ContextLimits, LaunchedApp};
pub use memory::{ConversationPlan, GrowthUnit, LeakPlan, MemoryWatchPlan};
pub use model::{ModelChoice, ModelChoiceError, ModelOrigin};
pub use needs::{NeedsError, app_profiles, model_needs};
pub use pipeline::{
    ARM_KEYS, CompanionSettings, CompanionSettingsError, LACKING, MeasuredSettings, PipelinePlan, PipelinePlanError,
    PipelineSide,
};
pub use recommend::{CurrentSettings, Effort, RecommendPlan};
pub use settings::settings_patch;
pub use shared::DEFAULT_CONFIG;
pub use tap::TapPlan;
#[cfg(all(test, feature = "llama"))]
pub(crate) use threads::tests::plan as threads_plan;
pub use threads::{CompetingLoad, RoundLimit, ThreadCount, ThreadRule, ThreadsPlan};
pub use warmup::{REPLY_TO_A_PROMPT, WarmupPlan};
pub use watch::{SaturatePlan, WatchPlan, WatchPlanError};
