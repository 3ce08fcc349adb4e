//! `workly-perf compare`: saved runs, or two variants run in turns, judged by a gate.

mod command;
mod failure;
mod outputs;

pub(super) use command::run;
