//! What is measured in a process of its own: the two ends of the line between it and the command that wants to know.
//!
//! A request goes in as a line of JSON on standard input, which stays open as long as anybody wants the answer; lines of JSON
//! come back.

mod asked;
mod request;

pub(super) use asked::{CalledOff, ask};
pub(super) use request::{answer, request};
