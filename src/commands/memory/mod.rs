//! `workly-perf memory`: what memory is used for, and whether it leaks.

mod command;
#[cfg(feature = "llama")]
mod expected;
mod failure;
mod judged;
#[cfg(feature = "llama")]
mod life;
mod lines;
#[cfg(feature = "llama")]
mod steps;
#[cfg(feature = "llama")]
mod talked;
mod target;
mod vram;
mod watched;

pub(super) use command::run;
