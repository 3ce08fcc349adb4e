//! `workly-perf doctor`: looks, judges, and says what mends it.

mod bridge;
mod card;
mod command;
mod model;
mod page;

pub(super) use command::run;
