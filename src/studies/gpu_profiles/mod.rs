//! Memory of every placement of a model, and speed of those that fit.

mod ask;
mod cases;
mod findings;
mod gpu_watch;
mod gpus;
#[cfg(test)]
mod planted;
mod projection_cases;
mod projection_study;
mod projections;
mod study;
mod subject;
mod sweep;
mod worker;

pub(crate) use projection_study::ProjectionStudy;
pub(crate) use study::GpuProfilesStudy;
pub(crate) use subject::check_gpu;
pub(crate) use worker::answer_placement;
