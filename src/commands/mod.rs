//! One file per command: the only module that may use all others and connects them.

mod apply;
mod bridge;
mod compare;
mod completions;
mod doctor;
#[cfg(feature = "llama")]
mod gpu_profiles;
mod history;
mod ipc;
mod launch;
mod memory;
mod model;
mod observer;
mod pipeline;
mod recommend;
mod render_load;
mod report;
mod run;
mod stop;
mod tap;
#[cfg(feature = "llama")]
mod threads;
#[cfg(feature = "llama")]
mod warmup;
mod watch;
#[cfg(feature = "llama")]
mod worker;

pub use run::run;
