//! `workly-perf gpu-profiles`: what every placement of a model takes, and how fast the ones that fit are.

#[cfg(feature = "llama")]
mod cards;
#[cfg(feature = "llama")]
mod cases;
#[cfg(feature = "llama")]
mod child;
#[cfg(feature = "llama")]
mod command;
#[cfg(feature = "llama")]
mod findings;
#[cfg(feature = "llama")]
mod foresee;
#[cfg(feature = "llama")]
mod gpu_watch;
#[cfg(feature = "llama")]
mod only_project;
#[cfg(feature = "llama")]
mod placement;
#[cfg(feature = "llama")]
mod sweep;
#[cfg(not(feature = "llama"))]
mod without_engine;

#[cfg(feature = "llama")]
pub(super) use command::run;
#[cfg(feature = "llama")]
pub(super) use placement::run as run_placement;
#[cfg(not(feature = "llama"))]
pub(super) use without_engine::{run, run_placement};
