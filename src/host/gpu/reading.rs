//! What a GPU does now.

use std::collections::BTreeMap;

use nvml_wrapper::Device;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use serde::Serialize;

use super::answer::{self, fact};
use super::memory::memory;
use super::{GpuError, Nvml};
use crate::record::{Fact, Gpu};

/// Which GPU: its place in NVML's list, and its place among the parts of a split one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct GpuAddress {
    /// Place in NVML's list.
    pub index: u32,
    /// Place among its parts; `None` for the whole.
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

/// One look at a GPU. Everything but its memory may be missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuReading {
    /// Its memory, in bytes.
    pub vram_total_bytes: u64,
    /// What programs hold of it, in bytes; on drivers before 510 with what the driver keeps for itself.
    pub vram_used_bytes: u64,
    /// What can still be had, in bytes.
    pub vram_free_bytes: u64,
    /// What the driver keeps for itself, in bytes.
    pub vram_reserved_bytes: Fact<u64>,
    /// Share of the last moments in which it computed anything, in percent.
    pub use_percent: Fact<u32>,
    /// Share of the last moments in which its memory was read or written, in percent.
    pub memory_use_percent: Fact<u32>,
    /// Temperature of the chip, in degrees Celsius.
    pub temperature_c: Fact<u32>,
    /// Power that the whole board takes, in watts.
    pub power_w: Fact<f64>,
    /// Power that it may take at most, in watts.
    pub power_limit_w: Fact<f64>,
    /// Clock of its processors, in MHz.
    pub clock_mhz: Fact<u32>,
    /// Clock of its memory, in MHz.
    pub memory_clock_mhz: Fact<u32>,
    /// What holds its clocks back: `power cap`, `too hot`. Empty when nothing does.
    pub throttled_by: Fact<Vec<String>>,
    /// The processes that use it.
    pub processes: Fact<Vec<ProcessVram>>,
}

/// What one process holds of a GPU's memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProcessVram {
    /// Process id, as the driver knows it: inside a container it may be another.
    pub pid: u32,
    /// Memory, in bytes. On Windows the system keeps the books and not the driver: unsupported.
    pub vram_bytes: Fact<u64>,
}

impl GpuReading {
    /// A look at a GPU that tells its memory and nothing else, as ggml does. `total_bytes` is not 0.
    #[must_use]
    pub fn of_memory(total_bytes: u64, free_bytes: u64) -> Self {
        Self {
            vram_total_bytes: total_bytes,
            vram_used_bytes: total_bytes.saturating_sub(free_bytes),
            vram_free_bytes: free_bytes,
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

    /// What of the memory is not free, in bytes, what the driver keeps included. This is what the application's own check
    /// sees, and what decides whether an allocation fails.
    #[must_use]
    pub fn vram_taken_bytes(&self) -> u64 {
        self.vram_total_bytes.saturating_sub(self.vram_free_bytes)
    }

    /// How full the memory is, in percent: [`Self::vram_taken_bytes`] of all.
    #[must_use]
    pub fn vram_percent(&self) -> f64 {
        let taken = self.vram_taken_bytes();
        if self.vram_total_bytes == 0 { 0.0 } else { 100.0 * taken as f64 / self.vram_total_bytes as f64 }
    }

    /// What a process holds here; `None` where it does not use this GPU, a missing fact where the driver does not tell.
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

impl Nvml {
    /// Looks at one GPU: its memory once, then everything else.
    pub fn read(&self, address: GpuAddress) -> Result<GpuReading, GpuError> {
        let index = address.index;
        let lost = |error: &NvmlError| GpuError::Lost { index, reason: answer::reason(error) };
        let device = self.device(address).map_err(|error| lost(&error))?;
        let memory = memory(&device).map_err(|error| {
            if answer::is_lost(&error) {
                return lost(&error);
            }
            GpuError::NoMemory { index, reason: answer::reason(&error) }
        })?;
        if memory.total == 0 {
            return Err(GpuError::NoMemory { index, reason: "the driver says that it has none".into() });
        }
        let rates = device.utilization_rates();
        let memory_use_percent = match &rates {
            Ok(rates) => Fact::Value(rates.memory),
            Err(NvmlError::NotSupported) => Fact::Unsupported,
            Err(error) => Fact::Failed(answer::reason(error)),
        };
        Ok(GpuReading {
            vram_total_bytes: memory.total,
            vram_used_bytes: memory.used,
            vram_free_bytes: memory.free,
            vram_reserved_bytes: memory.reserved,
            use_percent: fact(rates.map(|rates| rates.gpu)),
            memory_use_percent,
            temperature_c: fact(device.temperature(TemperatureSensor::Gpu)),
            power_w: fact(device.power_usage().map(watts)),
            power_limit_w: fact(device.enforced_power_limit().map(watts)),
            clock_mhz: fact(device.clock_info(Clock::Graphics)),
            memory_clock_mhz: fact(device.clock_info(Clock::Memory)),
            throttled_by: fact(device.current_throttle_reasons().map(throttled_by)),
            processes: processes(&device),
        })
    }

    /// The device at that place.
    pub(super) fn device(&self, address: GpuAddress) -> Result<Device<'_>, NvmlError> {
        let device = self.library.device_by_index(address.index)?;
        match address.mig {
            Some(part) => device.mig_device_by_index(part),
            None => Ok(device),
        }
    }
}

/// NVML counts milliwatts.
pub(super) fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// What slows it down. An idle GPU and clocks that the user chose are no throttling.
fn throttled_by(reasons: ThrottleReasons) -> Vec<String> {
    [
        (ThrottleReasons::SW_POWER_CAP, "power cap"),
        (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "power brake"),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, "too hot"),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, "far too hot"),
        (ThrottleReasons::HW_SLOWDOWN, "hardware slowdown"),
        (ThrottleReasons::SYNC_BOOST, "another GPU"),
    ]
    .into_iter()
    .filter(|(reason, _)| reasons.contains(*reason))
    .map(|(_, words)| words.to_owned())
    .collect()
}

/// The processes that draw and those that compute. One that does both is listed twice by the driver, with the same memory.
fn processes(device: &Device<'_>) -> Fact<Vec<ProcessVram>> {
    let lists = [device.running_graphics_processes(), device.running_compute_processes()];
    if lists.iter().all(Result::is_err) {
        let [graphics, _] = lists;
        return fact(graphics.map(|_| Vec::new()));
    }
    let mut found: BTreeMap<u32, Fact<u64>> = BTreeMap::new();
    for process in lists.into_iter().flatten().flatten() {
        let vram_bytes = match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Fact::Value(bytes),
            UsedGpuMemory::Unavailable => Fact::Unsupported,
        };
        let known = found.entry(process.pid).or_insert(Fact::Unsupported);
        if vram_bytes.value() > known.value() {
            *known = vram_bytes;
        }
    }
    Fact::Value(found.into_iter().map(|(pid, vram_bytes)| ProcessVram { pid, vram_bytes }).collect())
}
