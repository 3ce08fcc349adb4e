//! `workly-perf compare`: saved runs, or two variants run in turns, judged by a gate.

mod campaign;
mod command;
mod failure;
mod outputs;
mod variant_run;

pub(super) use command::run;
