//! The model is loaded once; all thread counts run in interleaved rounds, idle and next to a render-like load.

mod cases;
mod choice;
mod context_pool;
mod cut_off;
mod data;
mod engine;
mod error;
mod findings;
#[cfg(test)]
mod planted;
mod study;
mod sweep;
mod worker;

pub(crate) use engine::LoadedModels;
pub(crate) use study::ThreadsStudy;
pub(crate) use worker::{SweepSetup, has_wait_policies, serve_sweep};
