//! What every placement of a model takes, and how fast the ones that fit are.

mod ask;
mod cards;
mod cases;
mod findings;
mod gpu_watch;
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
