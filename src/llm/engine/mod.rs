//! The engine: llama.cpp, from a file on disk to timed tokens.
//!
//! Everything is timed by this program's own clock, around calls that have really ended: llama.cpp's own counters are
//! left alone. Prompt processing and generation follow llama-bench, so that the figures can stand beside its own. What
//! llama.cpp has to say is kept in a log and never printed. Memory of the process and the choice of settings are for
//! other rooms.
//!
//! Without the feature `llama`, only what describes settings and judges a build remains.

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
mod loading;
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
pub use allocations::{HeldMemory, ManagedMemory};
#[cfg(feature = "llama")]
pub use backend::Backend;
#[cfg(feature = "llama")]
pub use device::{Device, DeviceKind};
#[cfg(feature = "llama")]
pub use error::EngineError;
#[cfg(feature = "llama")]
pub use log::{Log, LogLevel, LogLine};
#[cfg(feature = "llama")]
pub use model::{ChatPrompt, LoadFacts, Model};
#[cfg(feature = "llama")]
pub use projection::{Foreseeing, project, project_all};
pub use projection::{ForeseenBytes, ForeseenDevice, Projection, Target};
pub use sampling::Sampling;
#[cfg(feature = "llama")]
pub use session::Session;
pub use spec::{ContextSpec, FlashAttention, KvType, MAX_THREADS, Placement, SpecError};
#[cfg(feature = "llama")]
pub use timing::{GenTiming, PromptTiming, TurnTiming};
#[cfg(feature = "llama")]
pub use tokens::{Token, seeded_tokens};
#[cfg(feature = "llama")]
pub use trial::{TrialStep, try_header, try_weights};
pub use vector_units::{cpu_units, unused_units, vector_warning};
