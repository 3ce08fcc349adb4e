//! `workly-perf ipc`: plan, connect, measure each case, keep every one as it ends, leave the avatar as it was found.

mod cases;
mod command;
mod connection;
mod findings;

pub(super) use command::run;
