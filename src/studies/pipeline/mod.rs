//! Whole turns, before and after a change of settings, and the contention of model, bridge and render-like load.

mod budget;
mod cases;
mod change;
mod compared;
mod contention;
mod costs;
mod ended;
mod failure;
mod findings;
mod gpu_memory_need;
mod growth;
mod held;
mod measured;
mod measurement;
mod models;
#[cfg(test)]
mod planted;
mod responder;
mod rows;
mod samples;
#[cfg(feature = "llama")]
mod speaker_at;
mod study;
mod turns;
#[cfg(feature = "llama")]
mod worker;

pub(crate) use measured::measured_settings;
pub(crate) use models::{ModelSource, Models};
pub(crate) use study::PipelineStudy;
#[cfg(feature = "llama")]
pub(crate) use worker::{ResponderSetup, serve_responder};
