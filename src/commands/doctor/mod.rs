//! `workly-perf doctor`: checks, judges, and suggests fixes.

mod command;
mod page;

pub(super) use command::run;
