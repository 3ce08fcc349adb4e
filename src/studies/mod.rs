//! The experiments: what each measures, and its analysis. One driver runs them all.
//!
//! A study knows its plan and its samples, but neither the command line nor the terminal: callers follow it through an
//! [`Observer`].

mod bridge_advice;
pub(crate) mod campaign;
mod child_run;
pub(crate) mod doctor;
mod driver;
#[cfg(feature = "llama")]
pub(crate) mod gpu_profiles;
mod interruption;
pub(crate) mod ipc;
pub(crate) mod launch;
pub(crate) mod memory;
#[cfg(feature = "llama")]
pub(crate) mod model_check;
#[cfg(not(feature = "llama"))]
#[path = "model_check/without_engine.rs"]
pub(crate) mod model_check;
mod observer;
pub(crate) mod pipeline;
mod program;
pub(crate) mod recommend;
mod recorder;
mod saved_runs;
pub(crate) mod setup;
mod study;
pub(crate) mod tap;
#[cfg(feature = "llama")]
pub(crate) mod threads;
#[cfg(feature = "llama")]
pub(crate) mod warmup;
pub(crate) mod watch;
#[cfg(feature = "llama")]
pub(crate) mod worker_client;

pub(crate) use bridge_advice::{WRONG_DIALECT, bridge_advice};
pub(crate) use driver::{FinishedRun, RunOptions, drive};
pub(crate) use interruption::{Interruption, ended_by};
pub(crate) use observer::{Observer, Phase};
pub(crate) use program::about_this_program;
pub(crate) use recorder::{LOCAL_RUNS, Recorder};
pub(crate) use study::RunVerdict;
