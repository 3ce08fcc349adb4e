//! One file a command: the only place that sees all rooms and wires them together.

mod apply;
mod bridge;
mod compare;
mod completions;
mod connection;
mod doctor;
mod ending;
mod failure;
mod gpu_profiles;
mod history;
mod ipc;
mod located_model;
mod memory;
mod model;
mod pipeline;
mod recommend;
mod recorder;
mod render_load;
mod report;
mod run;
mod simulated;
mod tap;
mod threads;
mod watch;

pub use run::run;
