//! `workly-perf compare`: saved runs, or two interleaved variants, judged by a gate.

mod command;
mod failure;
mod outputs;

pub(super) use command::run;
