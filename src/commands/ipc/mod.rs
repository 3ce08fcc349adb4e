//! `workly-perf ipc`: plan, connect, carry out the one study, keep every case as it ends, leave the avatar as it was found.

mod breakdown;
mod command;
mod max_rate;
mod replay;
mod round_trips;
mod session;
mod variants;

pub(super) use command::run;
