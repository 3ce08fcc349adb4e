//! One file a command: the only place that sees all rooms and wires them together.

mod apply;
mod bridge;
mod chat_model;
#[cfg(feature = "llama")]
mod child;
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
mod model_check;
mod pipeline;
mod quoted;
mod recommend;
mod recorder;
mod render_load;
mod report;
mod run;
mod seen;
mod simulated;
mod stop;
mod tap;
mod threads;
mod warmup;
mod watch;

pub use run::run;
