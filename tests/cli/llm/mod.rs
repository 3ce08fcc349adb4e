//! Models and the engine: files, downloads, projections, and runs of real weights.

#[cfg(feature = "llama")]
mod engine;
mod fetch;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod lost_files;
pub(crate) mod model_command;
#[cfg(feature = "llama")]
mod model_files;
#[cfg(feature = "llama")]
mod model_guard;
#[cfg(feature = "llama")]
mod projection;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod projection_ends;
#[cfg(feature = "llama")]
mod real_model;
#[cfg(feature = "llama")]
mod small_models;
