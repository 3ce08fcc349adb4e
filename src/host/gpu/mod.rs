//! The GPUs of this machine, as NVIDIA's driver tells of them through NVML. Read-only.
//!
//! NVML is loaded when it is asked, by path; a machine without it loses nothing else. It serves NVIDIA's GPUs alone: what
//! others there are is said, and what they hold can only be told by ggml, once a model runs on them.

mod display;
mod memory;
mod nvml;
mod nvml_devices;
mod nvml_error;
mod processes;
mod reading;
mod survey;

pub use nvml::{GpuError, NVML_VARIABLE, Nvml};
pub use nvml_devices::{NvmlDevices, vram_of};
pub use reading::{GpuAddress, GpuReading, ProcessVram};
pub(super) use survey::{fingerprint_part, survey, title};
