//! The GPUs of this machine, as reported by NVIDIA's driver through NVML. Read-only.
//!
//! NVML is loaded at run time, by path; a machine without it only lacks these figures. It only supports NVIDIA's GPUs: others
//! are named, and only ggml knows their memory, once a model runs on them.

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
