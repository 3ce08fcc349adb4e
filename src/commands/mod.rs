//! One file a command: the only place that sees all rooms and wires them together.

mod bridge;
mod completions;
mod failure;
mod ipc;
mod model;
mod recorder;
mod report;
mod run;

pub use run::run;
