//! The command line as typed: one file per command, without context-dependent defaults, input or output.

mod apply;
mod bridge;
mod bridge_connection;
mod compare;
mod context;
mod doctor;
mod format;
mod gpu_profiles;
mod history;
mod ipc;
mod ipc_variants;
mod launch;
mod memory;
mod memory_size;
mod model;
mod pipeline;
mod recommend;
mod render_load;
mod report;
mod root;
mod tap;
mod threads;
mod values;
mod warmup;
mod watch;

pub use apply::ApplyArgs;
pub use bridge::BridgeArgs;
pub use bridge_connection::BridgeConnectionArgs;
pub use compare::{CompareArgs, FailOn, OutputFile};
pub use context::ContextArgs;
pub use doctor::DoctorArgs;
pub use gpu_profiles::{GpuPlacementArgs, GpuProfilesArgs};
pub use history::HistoryArgs;
pub use ipc::IpcArgs;
pub use ipc_variants::VariantArgs;
pub use launch::{LaunchArgs, OmittedSettings};
pub use memory::MemoryArgs;
pub use memory_size::{LayerItem, MemorySize, Reserve};
pub use model::{FetchArgs, InspectArgs, ModelArgs, ModelCheckArgs, ModelCommand, ShapesArgs, SynthArgs};
pub use pipeline::{CompetingLoadArg, PipelineArgs, PipelineWorkerArgs};
pub use recommend::{ObjectiveArg, RecommendArgs};
pub use render_load::RenderLoadArgs;
pub use report::ReportArgs;
pub use root::{Cli, Command, CompletionsArgs};
pub use tap::TapArgs;
pub use threads::{
    EngineConventions, PriorityArg, SweepItem, SwitchArg, ThreadsArgs, ThreadsWorkerArgs, UnderLoadArg, WaitArg,
};
pub use warmup::{WarmupArgs, WarmupPart, WarmupStartArgs};
pub use watch::{GpuArg, WatchArgs};
