//! Vendors for tests.

use super::source::{GpuSource, Vendor};
use super::{GpuAddress, GpuError, GpuReading};
use crate::record::{Fact, Gpu, GpuSurvey};

/// Two GPUs, of 1 and 2 GiB.
pub(super) static FIRST: Vendor = Vendor {
    name: "First",
    pci_id: "0001",
    library: "FST",
    open: || Ok(Box::new(PlantedDriver { name: "First", gpus: 2 })),
};

/// One GPU, of 1 GiB.
pub(super) static SECOND: Vendor = Vendor {
    name: "Second",
    pci_id: "0002",
    library: "SND",
    open: || Ok(Box::new(PlantedDriver { name: "Second", gpus: 1 })),
};

/// No driver.
pub(super) static ABSENT: Vendor = Vendor {
    name: "Absent",
    pci_id: "0003",
    library: "ABS",
    open: || Err(GpuError::NoDriver { vendor: "Absent", library: "ABS" }),
};

/// A driver that does not respond.
pub(super) static BROKEN: Vendor = Vendor {
    name: "Broken",
    pci_id: "0004",
    library: "BRK",
    open: || Err(GpuError::NoAnswer { library: "BRK", reason: "broken".into() }),
};

#[derive(Debug)]
struct PlantedDriver {
    name: &'static str,
    gpus: u32,
}

impl GpuSource for PlantedDriver {
    fn survey(&self) -> GpuSurvey {
        let is_first = self.name == "First";
        let gpu = |index| Gpu {
            index,
            mig: None,
            name: Fact::Value(format!("{} {index}", self.name)),
            pci_bus: Fact::Unsupported,
            integrated: Fact::Unsupported,
            split: Fact::Unsupported,
            vram_bytes: Fact::Value(u64::from(index + 1) << 30),
            power_limit_w: Fact::Unsupported,
            clock_max_mhz: Fact::Unsupported,
        };
        GpuSurvey {
            library: Fact::Value(if is_first { "1.0" } else { "2.0" }.into()),
            driver: Fact::Value("d".into()),
            // Only the second reports it.
            cuda: if is_first { Fact::Unsupported } else { Fact::Value("12.5".into()) },
            devices: (0..self.gpus).map(gpu).collect(),
            others: Fact::NotMeasured,
        }
    }

    fn count(&self) -> u32 {
        self.gpus
    }

    fn read(&self, address: GpuAddress) -> Result<GpuReading, GpuError> {
        if address.index >= self.gpus {
            return Err(GpuError::Lost { index: address.index, reason: format!("there are {}", self.gpus) });
        }
        Ok(GpuReading::of_memory(u64::from(address.index + 1) << 30, 0))
    }
}
