//! `workly-perf warmup`: the cold first reply against the warm one, what a token costs, and what a kept prefix saves.

mod command;
mod findings;
mod lengths;
mod prefix;
mod start_cases;
mod starts;

pub(super) use command::run;
