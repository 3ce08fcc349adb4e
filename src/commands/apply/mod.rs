//! `workly-perf apply`: a recommendation into Workly's configuration, and back.

mod command;
mod failure;
mod shown;
mod source;

pub(super) use command::{consented, run};
