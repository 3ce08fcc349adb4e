//! The studies of models, memory and whole turns, and how any run ends.

#[cfg(all(feature = "llama", target_os = "linux"))]
mod cpu_limits;
pub(crate) mod doctor;
#[cfg(target_os = "linux")]
mod ends;
#[cfg(feature = "llama")]
mod integration;
#[cfg(feature = "llama")]
mod memory;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod memory_lock;
pub(crate) mod memory_of_process;
mod noise;
pub(crate) mod pipeline;
mod pipeline_settings;
mod render_load;
#[cfg(unix)]
mod signals;
pub(crate) mod tap;
#[cfg(feature = "llama")]
mod threads;
#[cfg(feature = "llama")]
mod warmup;
