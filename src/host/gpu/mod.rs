//! The GPUs of this machine as reported by their vendors' drivers. Read-only.
//!
//! A vendor is a folder with a `source::GpuSource` and a line in `VENDORS`; all other code uses [`GpuDrivers`]. A
//! driver's library is loaded at run time, by path; a machine without it only lacks these figures. GPUs of other
//! vendors are only listed; ggml reports their memory once a model runs on them.

mod devices;
mod display;
mod drivers;
mod error;
mod nvml;
#[cfg(test)]
mod planted;
mod reading;
mod source;
mod survey;

pub use devices::{GpuDevices, vram_of};
pub use drivers::{GpuDrivers, supported_libraries, supported_vendors};
pub use error::GpuError;
pub use reading::{GpuAddress, GpuReading, ProcessVram};
pub(super) use survey::{fingerprint_part, survey, title};

use source::Vendor;

/// Vendors whose drivers can be queried; GPUs are listed in this order.
static VENDORS: [&Vendor; 1] = [&nvml::NVIDIA];
