//! Facts about all GPUs of this machine, read once.

use std::path::Path;

use nvml_wrapper::Device;
use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::enums::device::BusType;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{cuda_driver_version_major, cuda_driver_version_minor};

use super::display;
use super::memory::memory;
use super::nvml_error::{self, fact};
use super::reading::watts;
use super::{GpuAddress, GpuError, Nvml};
use crate::record::{Fact, Gpu, GpuSurvey};

/// Reads NVML, if available. `root` is the root of the file system.
pub(in super::super) fn survey(root: &Path) -> GpuSurvey {
    let others = display::others(root);
    match Nvml::open() {
        Ok(nvml) => GpuSurvey { others, ..nvml.survey() },
        Err(error) => {
            let state = match error {
                GpuError::NoDriver => Fact::Unsupported,
                GpuError::NotAsked => Fact::NotMeasured,
                error => Fact::Failed(error.to_string()),
            };
            GpuSurvey { library: state.clone(), driver: state.clone(), cuda: state, devices: Vec::new(), others }
        }
    }
}

impl Nvml {
    /// Driver and devices. A device that does not respond is in the list, with the reason instead of its figures.
    #[must_use]
    pub fn survey(&self) -> GpuSurvey {
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
            Err(error) => Fact::Failed(format!("NVML cannot count the GPUs: {}", nvml_error::reason(&error))),
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
            Err(error) => Fact::Failed(nvml_error::reason(error)),
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

/// The GPUs on one line: names, memory, driver.
pub(in super::super) fn title(survey: &GpuSurvey) -> Fact<String> {
    let whole: Vec<String> = survey.devices.iter().filter(|gpu| gpu.mig.is_none()).map(one).collect();
    match &survey.library {
        _ if !whole.is_empty() => {
            Fact::Value(format!("{}; driver {}, CUDA up to {}", whole.join("; "), survey.driver, survey.cuda))
        }
        // NVML exists but reports no GPU, so there is nothing to list.
        Fact::Value(_) => Fact::Unsupported,
        missing => missing.clone(),
    }
}

fn one(gpu: &Gpu) -> String {
    let memory =
        gpu.vram_bytes.value().map_or_else(|| "memory unknown".into(), |bytes| format!("{} GiB", whole_gib(*bytes)));
    let kind = match (gpu.integrated.value(), gpu.split.value()) {
        (Some(true), _) => ", integrated",
        (_, Some(true)) => ", split (MIG)",
        _ => "",
    };
    format!("{} ({memory}{kind})", gpu.name)
}

/// The part of the GPUs that makes figures comparable: `RTX 4050/6;RTX 3060/12`. Empty if there are none, so that machines
/// without a GPU keep their fingerprint. The driver is not included, like the kernel.
pub(in super::super) fn fingerprint_part(survey: &GpuSurvey) -> String {
    match survey.library {
        Fact::Failed(_) => "?".into(),
        _ => survey
            .devices
            .iter()
            .map(|gpu| {
                let gib = gpu.vram_bytes.value().map_or_else(|| "?".into(), |bytes| whole_gib(*bytes).to_string());
                format!("{}/{gib}", gpu.name.value().map_or("?", String::as_str))
            })
            .collect::<Vec<_>>()
            .join(";"),
    }
}

/// Bytes as GiB, rounded.
fn whole_gib(bytes: u64) -> u64 {
    bytes.saturating_add(1 << 29) >> 30
}
