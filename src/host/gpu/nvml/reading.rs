//! The current state of a GPU.

use nvml_wrapper::Device;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::error::NvmlError;

use super::super::source::GpuSource;
use super::super::{GpuAddress, GpuError, GpuReading};
use super::Nvml;
use super::error::{self, fact};
use super::memory::memory;
use super::processes::processes;
use crate::record::{Fact, GpuSurvey};

impl GpuSource for Nvml {
    fn survey(&self) -> GpuSurvey {
        self.describe_all()
    }

    fn count(&self) -> u32 {
        self.library.device_count().unwrap_or(0)
    }

    fn read(&self, address: GpuAddress) -> Result<GpuReading, GpuError> {
        self.read_device(address)
    }
}

impl Nvml {
    pub(super) fn read_device(&self, address: GpuAddress) -> Result<GpuReading, GpuError> {
        let index = address.index;
        let lost = |error: &NvmlError| GpuError::Lost { index, reason: error::reason(error) };
        let device = self.device(address).map_err(|error| lost(&error))?;
        let memory = memory(&device).map_err(|error| lost(&error))?;
        let rates = device.utilization_rates();
        let memory_use_percent = match &rates {
            Ok(rates) => Fact::Value(rates.memory),
            Err(NvmlError::NotSupported) => Fact::Unsupported,
            Err(error) => Fact::Failed(error::reason(error)),
        };
        Ok(GpuReading {
            vram_total_bytes: memory.map(|memory| memory.total),
            vram_used_bytes: memory.map(|memory| memory.used),
            vram_free_bytes: memory.map(|memory| memory.free),
            vram_reserved_bytes: match memory {
                Fact::Value(memory) => memory.reserved,
                missing => missing.map(|_| 0),
            },
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

    /// The device with this index.
    pub(super) fn device(&self, address: GpuAddress) -> Result<Device<'_>, NvmlError> {
        let device = self.library.device_by_index(address.index)?;
        match address.mig {
            Some(part) => device.mig_device_by_index(part),
            None => Ok(device),
        }
    }
}

/// Converts NVML's milliwatts.
pub(super) fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// The throttle reasons. An idle GPU and clocks set by the user are not throttling.
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
