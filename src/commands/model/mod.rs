//! `workly-perf model`: look into model files, write synthetic ones, fetch real ones.

mod command;
mod fetch;
mod inspect;
mod pages;
mod shapes;
mod synth;

pub(super) use command::run;
