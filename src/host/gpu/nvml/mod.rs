//! NVIDIA's GPUs, through NVML, the library of its driver.

mod error;
mod library;
mod memory;
mod processes;
mod reading;
mod survey;

use library::Nvml;

use super::source::Vendor;

/// NVIDIA.
pub(super) static NVIDIA: Vendor = Vendor { name: "NVIDIA", pci_id: "10de", library: LIBRARY, open: library::open };

const LIBRARY: &str = "NVML";
