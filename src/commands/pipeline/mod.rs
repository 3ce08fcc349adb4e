//! `workly-perf pipeline`: whole turns, before and after, and what model, bridge and render load cost each other.

mod cases;
mod command;
mod compared;
mod contention;
mod failure;
mod findings;
mod models;
mod turns;
mod voices;

pub(super) use command::run;
