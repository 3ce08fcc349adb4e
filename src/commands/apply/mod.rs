//! `workly-perf apply`: a recommendation into Workly's configuration, and back.

mod command;
mod failure;
mod shown;
mod source;

pub(super) use command::{UNPROVEN_AUTO, consented, run};
pub(super) use failure::undo;
pub(super) use source::read as recommendation;
