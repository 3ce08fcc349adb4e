//! `workly-perf model`: look into model files, write synthetic ones.

mod command;
mod inspect;
mod pages;
mod shapes;
mod synth;

pub(super) use command::run;
