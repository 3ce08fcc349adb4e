//! `workly-perf threads`: one load, then all thread counts in interleaved rounds, idle and beside a render-like load.

#[cfg(feature = "llama")]
mod cases;
#[cfg(feature = "llama")]
mod command;
#[cfg(feature = "llama")]
mod findings;
#[cfg(feature = "llama")]
mod sweep;
#[cfg(not(feature = "llama"))]
mod without_engine;

#[cfg(feature = "llama")]
pub(super) use command::run;
#[cfg(not(feature = "llama"))]
pub(super) use without_engine::run;
