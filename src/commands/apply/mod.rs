//! `workly-perf apply`: writes a recommendation to Workly's configuration, and undoes it.

mod command;
mod failure;
mod shown;
mod source;

pub(super) use command::{UNPROVEN_AUTO, consented, run};
pub(super) use failure::undo;
pub(super) use source::read as recommendation;
