//! `workly-perf pipeline`: whole turns, before and after, and what model, bridge and render load cost each other.

mod budget;
mod card;
mod cases;
mod command;
mod compared;
mod contention;
mod failure;
mod findings;
mod growth;
mod models;
mod rows;
mod turns;
mod voices;

pub(super) use command::run;
