//! `workly-perf tap`: stands between the application and Unity, passes every byte on, and keeps a record of what passed when.

mod cases;
mod command;
mod session;

pub(super) use command::run;
