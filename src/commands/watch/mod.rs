//! `workly-perf watch`.

mod command;
mod display;
mod lines;
mod profile;
mod view;

pub(super) use command::run;
