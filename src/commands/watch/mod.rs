//! `workly-perf watch`.

mod apply;
mod collected;
mod command;
mod devices;
mod display;
mod events;
mod failure;
mod findings;
mod lines;
mod log;
mod look;
#[cfg(feature = "llama")]
mod saturate;
mod session;
mod view;

pub(super) use command::run;
