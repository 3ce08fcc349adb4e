//! `workly-perf recommend`: facts, saved runs and what is measured on the way, handed to the rules.

mod command;
mod evidence;
mod facts;
mod measuring;

pub(super) use command::run;
