//! The engine: llama.cpp, from a file on disk to timed tokens.
//!
//! All times are from this program's own clock, around calls that have completed; llama.cpp's counters are not used.
//! Prompt processing and generation follow llama-bench, so that the figures are comparable. llama.cpp's output is kept
//! in a log and never printed. Process memory and the choice of settings belong to other modules.
//!
//! Without the feature `llama`, only descriptions of settings and the check of the build remain.

#[cfg(feature = "llama")]
mod allocations;
#[cfg(feature = "llama")]
mod backend;
#[cfg(feature = "llama")]
mod depth;
#[cfg(feature = "llama")]
mod device;
#[cfg(feature = "llama")]
mod error;
#[cfg(feature = "llama")]
mod ffi;
#[cfg(feature = "llama")]
mod libraries;
#[cfg(feature = "llama")]
mod loading;
mod lock;
#[cfg(feature = "llama")]
mod log;
#[cfg(feature = "llama")]
mod model;
mod projection;
mod sampling;
#[cfg(feature = "llama")]
mod session;
mod spec;
#[cfg(feature = "llama")]
mod timing;
#[cfg(feature = "llama")]
mod tokens;
#[cfg(feature = "llama")]
mod trial;
mod vector_units;
#[cfg(feature = "llama")]
mod weights;

#[cfg(feature = "llama")]
pub use allocations::{Allocations, ManagedMemory};
#[cfg(feature = "llama")]
pub use backend::Backend;
#[cfg(feature = "llama")]
pub use device::{Device, DeviceKind};
#[cfg(feature = "llama")]
pub use error::EngineError;
#[cfg(feature = "llama")]
pub use libraries::{BackendFile, BackendFileState};
pub use lock::LockOutcome;
#[cfg(feature = "llama")]
pub use log::{EngineLog, LogLevel, LogLine};
#[cfg(feature = "llama")]
pub use model::{ChatPrompt, LoadFacts, Model};
pub use projection::{PlacementTarget, ProjectedBytes, ProjectedDevice, Projection};
#[cfg(feature = "llama")]
pub use projection::{ProjectionOptions, project, project_all};
pub use sampling::Sampling;
#[cfg(feature = "llama")]
pub use session::ModelSession;
pub use spec::{ContextSpec, FlashAttention, KvType, MAX_THREADS, Placement, SpecError};
#[cfg(feature = "llama")]
pub use timing::{GenTiming, PromptTiming, TurnTiming};
#[cfg(feature = "llama")]
pub use tokens::{Token, seeded_tokens};
#[cfg(feature = "llama")]
pub use trial::{TrialStep, try_header, try_weights};
pub use vector_units::{cpu_units, unused_units, vector_warning};
#[cfg(feature = "llama")]
pub use weights::HostWeights;
