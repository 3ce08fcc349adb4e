//! The GPUs of a machine, as their driver describes them.

use serde::{Deserialize, Serialize};

use super::fact::Fact;

/// What NVML, the library of NVIDIA's driver, says of the GPUs of a machine; and which others there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuSurvey {
    /// Version of NVML. `Unsupported`: this machine has no such library. `Failed`: it is there and does not answer.
    pub library: Fact<String>,
    /// Version of the driver.
    pub driver: Fact<String>,
    /// The newest CUDA that this driver can run: `12.5`.
    pub cuda: Fact<String>,
    /// The GPUs that NVML serves. Where one is split (MIG), its parts follow it.
    pub devices: Vec<Gpu>,
    /// Display devices of makers that NVML does not serve: `AMD 1002:744c`.
    pub others: Fact<Vec<String>>,
}

impl Default for GpuSurvey {
    /// Nobody asked.
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

/// One GPU, or one part of a split one. Nothing here names the very piece: no serial number, no UUID.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    /// Its place in NVML's list, from 0.
    pub index: u32,
    /// Its place among the parts of a split GPU; absent for a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mig: Option<u32>,
    /// What its maker calls it.
    pub name: Fact<String>,
    /// Its place on the PCI bus.
    pub pci_bus: Fact<String>,
    /// Whether it is part of the processor and shares the memory of the machine.
    pub integrated: Fact<bool>,
    /// Whether it is split into parts (MIG); its own use is then not told, that of its parts is.
    pub split: Fact<bool>,
    /// Its memory, in bytes.
    pub vram_bytes: Fact<u64>,
    /// The power that it may take at most, in watts.
    pub power_limit_w: Fact<f64>,
    /// The clock that it may reach at most, in MHz.
    pub clock_max_mhz: Fact<u32>,
}
