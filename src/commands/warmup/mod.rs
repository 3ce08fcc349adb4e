//! `workly-perf warmup`: the cold first reply against the warm one, what a token costs, and what a kept prefix saves.

#[cfg(feature = "llama")]
mod command;
#[cfg(feature = "llama")]
mod findings;
#[cfg(feature = "llama")]
mod lengths;
#[cfg(feature = "llama")]
mod one_start;
#[cfg(feature = "llama")]
mod prefix;
#[cfg(feature = "llama")]
mod start_cases;
#[cfg(feature = "llama")]
mod starts;
#[cfg(not(feature = "llama"))]
mod without_engine;

#[cfg(feature = "llama")]
pub(super) use command::run;
#[cfg(feature = "llama")]
pub(super) use one_start::run as run_start;
#[cfg(not(feature = "llama"))]
pub(super) use without_engine::{run, run_start};
