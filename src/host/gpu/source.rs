//! What is known of a vendor, and what its driver must be able to tell.

use super::{GpuAddress, GpuError, GpuReading};
use crate::record::GpuSurvey;

/// A vendor whose driver reports about its GPUs.
#[derive(Debug)]
pub(super) struct Vendor {
    /// `NVIDIA`.
    pub(super) name: &'static str,
    /// Its ID on the PCI bus, as Linux writes it, without `0x`.
    pub(super) pci_id: &'static str,
    /// The library of its driver: `NVML`.
    pub(super) library: &'static str,
    /// Loads and initialises the library.
    pub(super) open: fn() -> Result<Box<dyn GpuSource>, GpuError>,
}

/// The library of a vendor's driver, initialised. GPUs are numbered from 0 within one source.
pub(super) trait GpuSource: std::fmt::Debug {
    /// Driver and GPUs. A GPU that does not respond is in the list, with the reason instead of its figures.
    fn survey(&self) -> GpuSurvey;

    /// How many GPUs it has; 0 if it cannot count them.
    fn count(&self) -> u32;

    /// Reads one GPU: its memory first, then everything else.
    fn read(&self, address: GpuAddress) -> Result<GpuReading, GpuError>;
}
