//! Facts about all GPUs of the driver, read once.

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::enums::device::BusType;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{cuda_driver_version_major, cuda_driver_version_minor};

use super::super::GpuAddress;
use super::Nvml;
use super::error::{self, fact};
use super::memory::memory;
use super::reading::watts;
use crate::record::{Fact, Gpu, GpuSurvey};

impl Nvml {
    /// Driver and devices. A device that does not respond is in the list, with the reason instead of its figures.
    pub(super) fn describe_all(&self) -> GpuSurvey {
        let version =
            |version: i32| format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version));
        let mut devices = Vec::new();
        let library = match self.library.device_count() {
            Ok(count) => {
                for index in 0..count {
                    self.describe(index, &mut devices);
                }
                fact(self.library.sys_nvml_version())
            }
            Err(error) => Fact::Failed(format!("NVML cannot count the GPUs: {}", error::reason(&error))),
        };
        GpuSurvey {
            library,
            driver: fact(self.library.sys_driver_version()),
            cuda: fact(self.library.sys_cuda_driver_version().map(version)),
            devices,
            others: Fact::NotMeasured,
        }
    }

    /// Adds a GPU and, if it is split, its parts.
    fn describe(&self, index: u32, devices: &mut Vec<Gpu>) {
        let whole = self.device(GpuAddress { index, mig: None });
        devices.push(gpu(index, None, &whole));
        let Ok(whole) = whole else { return };
        if !whole.mig_mode().is_ok_and(|mode| mode.current == 1) {
            return;
        }
        for part in 0..whole.mig_device_count().unwrap_or(0) {
            // Indices without a part return "not found".
            if let Ok(device) = whole.mig_device_by_index(part) {
                devices.push(gpu(index, Some(part), &Ok(device)));
            }
        }
    }
}

fn gpu(index: u32, mig: Option<u32>, device: &Result<Device<'_>, NvmlError>) -> Gpu {
    fn ask<'d, T>(
        device: &'d Result<Device<'d>, NvmlError>,
        question: impl FnOnce(&'d Device<'d>) -> Result<T, NvmlError>,
    ) -> Fact<T> {
        match device {
            Ok(device) => fact(question(device)),
            Err(error) => Fact::Failed(error::reason(error)),
        }
    }
    Gpu {
        index,
        mig,
        name: ask(device, Device::name),
        pci_bus: ask(device, |device| device.pci_info().map(|pci| pci.bus_id.to_lowercase())),
        // GPUs inside NVIDIA's processors are on a bus of the chip.
        integrated: ask(device, |device| device.bus_type().map(|bus| bus == BusType::Fpci)),
        split: ask(device, |device| device.mig_mode().map(|mode| mode.current == 1)),
        vram_bytes: match ask(device, memory) {
            Fact::Value(memory) => memory.map(|memory| memory.total),
            missing => missing.map(|_| 0),
        },
        power_limit_w: ask(device, |device| device.enforced_power_limit().map(watts)),
        clock_max_mhz: ask(device, |device| device.max_clock_info(Clock::Graphics)),
    }
}
