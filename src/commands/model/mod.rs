//! `workly-perf model`: inspects model files, writes synthetic ones, fetches real ones.

mod command;
mod fetch;
mod inspect;
mod pages;
mod shapes;
mod synth;

pub(super) use command::run;
