//! A GPU vendor, and what its driver must report.

use super::{GpuAddress, GpuError, GpuReading};
use crate::record::GpuSurvey;

/// A vendor whose driver reports on its GPUs.
#[derive(Debug)]
pub(super) struct Vendor {
    /// `NVIDIA`.
    pub(super) name: &'static str,
    /// Its PCI vendor ID, as Linux writes it, without `0x`.
    pub(super) pci_id: &'static str,
    /// The library of its driver: `NVML`.
    pub(super) library: &'static str,
    /// Loads and initialises the library.
    pub(super) open: fn() -> Result<Box<dyn GpuSource>, GpuError>,
}

/// An initialised driver library. Its GPUs are numbered from 0.
pub(super) trait GpuSource: std::fmt::Debug {
    /// Driver and GPUs. A GPU that does not respond is in the list, with the reason instead of its figures.
    fn survey(&self) -> GpuSurvey;

    /// Number of GPUs; 0 if it cannot be determined.
    fn count(&self) -> u32;

    /// Reads one GPU: memory first, then everything else.
    fn read(&self, address: GpuAddress) -> Result<GpuReading, GpuError>;
}
