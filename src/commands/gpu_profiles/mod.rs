//! `workly-perf gpu-profiles`: what every placement of a model takes, and how fast the ones that fit are.

mod cards;
mod cases;
mod child;
mod command;
mod findings;
mod foresee;
mod gpu_watch;
mod only_project;
mod sweep;

pub(super) use command::run;
pub(crate) use foresee::foreseeing;
