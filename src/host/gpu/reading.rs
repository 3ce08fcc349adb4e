//! The current state of a GPU.

use serde::Serialize;

use crate::record::{Fact, Gpu};

/// The identity of a GPU: its index in the list of all, and its index among the parts of a split one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct GpuAddress {
    /// Index in the list of all GPUs.
    pub index: u32,
    /// Index among its parts; `None` for the whole.
    pub mig: Option<u32>,
}

impl From<&Gpu> for GpuAddress {
    fn from(gpu: &Gpu) -> Self {
        Self { index: gpu.index, mig: gpu.mig }
    }
}

impl std::fmt::Display for GpuAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "gpu{}", self.index)?;
        self.mig.map_or(Ok(()), |part| write!(f, ".{part}"))
    }
}

/// One reading of a GPU. Every figure may be missing, with a reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuReading {
    /// Its memory, in bytes.
    pub vram_total_bytes: Fact<u64>,
    /// Memory used by programs, in bytes; on drivers before 510 including the driver's own.
    pub vram_used_bytes: Fact<u64>,
    /// Free memory, in bytes.
    pub vram_free_bytes: Fact<u64>,
    /// Memory reserved by the driver, in bytes.
    pub vram_reserved_bytes: Fact<u64>,
    /// Share of the recent past in which it computed anything, in percent.
    pub use_percent: Fact<u32>,
    /// Share of the recent past in which its memory was read or written, in percent.
    pub memory_use_percent: Fact<u32>,
    /// Temperature of the chip, in degrees Celsius.
    pub temperature_c: Fact<u32>,
    /// Power of the whole board, in watts.
    pub power_w: Fact<f64>,
    /// Power limit, in watts.
    pub power_limit_w: Fact<f64>,
    /// Clock of its processors, in MHz.
    pub clock_mhz: Fact<u32>,
    /// Clock of its memory, in MHz.
    pub memory_clock_mhz: Fact<u32>,
    /// What throttles it: `power cap`, `too hot`. Empty if nothing does.
    pub throttled_by: Fact<Vec<String>>,
    /// The processes that use it.
    pub processes: Fact<Vec<ProcessVram>>,
}

/// Memory of one process on a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessVram {
    /// Process ID, as the driver knows it: inside a container it may differ.
    pub pid: u32,
    /// Memory, in bytes. On Windows the system manages it, not the driver: unsupported.
    pub vram_bytes: Fact<u64>,
}

impl GpuReading {
    /// A reading of a GPU that only reports its memory, as with ggml. `total_bytes` is not 0.
    #[must_use]
    pub fn of_memory(total_bytes: u64, free_bytes: u64) -> Self {
        Self {
            vram_total_bytes: Fact::Value(total_bytes),
            vram_used_bytes: Fact::Value(total_bytes.saturating_sub(free_bytes)),
            vram_free_bytes: Fact::Value(free_bytes),
            vram_reserved_bytes: Fact::Unsupported,
            use_percent: Fact::Unsupported,
            memory_use_percent: Fact::Unsupported,
            temperature_c: Fact::Unsupported,
            power_w: Fact::Unsupported,
            power_limit_w: Fact::Unsupported,
            clock_mhz: Fact::Unsupported,
            memory_clock_mhz: Fact::Unsupported,
            throttled_by: Fact::Unsupported,
            processes: Fact::Unsupported,
        }
    }

    /// Its total and free memory, in bytes.
    #[must_use]
    pub fn vram_total_and_free_bytes(&self) -> Fact<(u64, u64)> {
        match (&self.vram_total_bytes, &self.vram_free_bytes) {
            (Fact::Value(total), Fact::Value(free)) => Fact::Value((*total, *free)),
            (Fact::Value(_), missing) | (missing, _) => missing.map(|_| (0, 0)),
        }
    }

    /// Memory that is not free, in bytes, including the driver's. The application's own check uses this, and it decides
    /// whether an allocation fails.
    #[must_use]
    pub fn vram_taken_bytes(&self) -> Fact<u64> {
        self.vram_total_and_free_bytes().map(|(total, free)| total.saturating_sub(*free))
    }

    /// Memory use, in percent: [`Self::vram_taken_bytes`] of the total.
    #[must_use]
    pub fn vram_percent(&self) -> Fact<f64> {
        self.vram_total_and_free_bytes().map(|&(total, free)| match total {
            0 => 0.0,
            total => 100.0 * total.saturating_sub(free) as f64 / total as f64,
        })
    }

    /// The memory of a process on this GPU; `None` if it does not use it, a missing fact if the driver does not report
    /// it.
    #[must_use]
    pub fn vram_of(&self, pid: u32) -> Fact<Option<u64>> {
        match &self.processes {
            Fact::Value(processes) => match processes.iter().find(|process| process.pid == pid) {
                None => Fact::Value(None),
                Some(ProcessVram { vram_bytes: Fact::Value(bytes), .. }) => Fact::Value(Some(*bytes)),
                Some(ProcessVram { vram_bytes: Fact::Failed(reason), .. }) => Fact::Failed(reason.clone()),
                Some(_) => Fact::Unsupported,
            },
            Fact::Unsupported => Fact::Unsupported,
            Fact::Failed(reason) => Fact::Failed(reason.clone()),
            Fact::NotMeasured => Fact::NotMeasured,
        }
    }
}
