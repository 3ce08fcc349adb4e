//! One load, then all thread counts in interleaved rounds, idle and beside a render-like load.

mod cases;
mod choice;
mod data;
mod engine;
mod findings;
mod study;
mod sweep;

pub(crate) use engine::LoadedModels;
pub(crate) use study::ThreadsStudy;
