//! The GPUs of a machine, as their driver describes them.

use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What NVML, the library of NVIDIA's driver, reports about the GPUs of a machine; and which others there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuSurvey {
    /// Version of NVML. `Unsupported`: this machine has no such library. `Failed`: it exists but does not respond.
    pub library: Fact<String>,
    /// Version of the driver.
    pub driver: Fact<String>,
    /// The newest CUDA version that this driver supports: `12.5`.
    pub cuda: Fact<String>,
    /// The GPUs that NVML supports. Parts of a split one (MIG) follow it.
    pub devices: Vec<Gpu>,
    /// Display devices of vendors that NVML does not support: `AMD 1002:744c`.
    pub others: Fact<Vec<String>>,
}

impl Default for GpuSurvey {
    /// Not measured.
    fn default() -> Self {
        Self {
            library: Fact::NotMeasured,
            driver: Fact::NotMeasured,
            cuda: Fact::NotMeasured,
            devices: Vec::new(),
            others: Fact::NotMeasured,
        }
    }
}

/// One GPU, or one part of a split one. Nothing here identifies the device: no serial number, no UUID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// Its index in NVML's list, from 0.
    pub index: u32,
    /// Its index among the parts of a split GPU; absent for a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mig: Option<u32>,
    /// Its product name.
    pub name: Fact<String>,
    /// Its address on the PCI bus.
    pub pci_bus: Fact<String>,
    /// Whether it is part of the processor and shares the machine's memory.
    pub integrated: Fact<bool>,
    /// Whether it is split into parts (MIG); then only the parts report utilisation.
    pub split: Fact<bool>,
    /// Its memory, in bytes.
    pub vram_bytes: Fact<u64>,
    /// Its power limit, in watts.
    pub power_limit_w: Fact<f64>,
    /// Its highest clock, in MHz.
    pub clock_max_mhz: Fact<u32>,
}
