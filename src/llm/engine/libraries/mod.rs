//! Backends of llama.cpp that are files beside the program: one file for each kind of CPU, and add-ons for GPUs.
//!
//! ggml's own loader is silent in release builds, so a GPU library that lacks one of its dependencies looks like a machine
//! without a GPU. Here each file is tried on its own, and what the system's loader says about it is kept.

#[cfg(any(all(test, target_os = "linux"), feature = "dynamic-backends"))]
mod choice;
#[cfg(any(all(test, target_os = "linux"), feature = "dynamic-backends"))]
mod ffi;
mod file;
#[cfg(feature = "dynamic-backends")]
mod load;

pub use file::{BackendFile, BackendFileState};
#[cfg(feature = "dynamic-backends")]
pub(super) use load::{load, load_named};
