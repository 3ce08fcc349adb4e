//! The watched GPUs and the sources of their figures: their drivers if they report any GPU, otherwise ggml, which
//! reports the memory of the devices that this build can compute on.

use super::error::WatchError;
use crate::host::gpu::{GpuAddress, GpuDrivers, GpuError, GpuReading};
use crate::plan::WatchPlan;

/// Source of one GPU's figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadingSource {
    Driver(GpuAddress),
    /// A device of ggml, by index in ggml's list.
    #[cfg(feature = "llama")]
    Ggml(usize),
    /// Part of the machine's memory that represents a GPU of this size in bytes.
    #[cfg(feature = "llama")]
    Card(u64),
    /// A GPU of this size in bytes whose driver does not report memory use: this program's own allocations are counted.
    #[cfg(feature = "llama")]
    Held(u64),
}

/// A watched GPU.
#[derive(Debug, Clone)]
pub(crate) struct WatchedGpu {
    /// Label in lines and files: `gpu0`, `Vulkan0`.
    pub(super) label: String,
    /// Product name.
    pub(super) name: String,
    /// Its memory in bytes, as reported at the start.
    pub(super) memory_bytes: u64,
    source: ReadingSource,
}

impl WatchedGpu {
    #[cfg_attr(not(feature = "llama"), allow(clippy::unused_self))]
    /// Whether it is not a GPU but part of the main memory.
    pub(super) fn is_stand_in(&self) -> bool {
        #[cfg(feature = "llama")]
        return matches!(self.source, ReadingSource::Card(_));
        #[cfg(not(feature = "llama"))]
        false
    }
}

/// A failed reading of a GPU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadingFault {
    /// Whether the GPU itself is gone.
    pub(super) lost: bool,
    /// The reason.
    pub(super) reason: String,
}

/// The GPUs of this machine that can be read.
#[derive(Debug)]
pub(crate) struct WatchedGpus {
    drivers: Option<GpuDrivers>,
    /// The watched GPUs.
    pub(crate) gpus: Vec<WatchedGpu>,
    /// Index of the GPU whose state is determined; `None` without a GPU.
    pub(crate) chosen: Option<usize>,
    /// Whether it was named by the user.
    #[cfg(feature = "llama")]
    is_named: bool,
    /// Why no GPU can be read.
    pub(crate) none_since: Option<String>,
}

impl WatchedGpus {
    /// Finds the GPUs. It is an error if a named GPU is missing, but not if there is none at all.
    pub(super) fn open(plan: &WatchPlan) -> Result<Self, WatchError> {
        let (drivers, reason) = match GpuDrivers::open() {
            Ok(drivers) => (Some(drivers), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut gpus: Vec<WatchedGpu> = drivers.iter().flat_map(of_drivers).collect();
        let mut none_since = None;
        if gpus.is_empty() {
            gpus = of_ggml();
            if gpus.is_empty() {
                let vendors = drivers.as_ref().map(GpuDrivers::vendors).unwrap_or_default();
                let reason = reason.unwrap_or_else(|| format!("the {vendors} driver is loaded but reports no GPU"));
                none_since = Some(format!("{reason}; ggml has no GPU device in this build either"));
            }
        }
        let chosen = match plan.gpu {
            Some(wanted) => Some(place_of(GpuAddress { index: wanted.index, mig: wanted.part }, &gpus)?),
            None => largest(&gpus),
        };
        Ok(Self {
            drivers,
            gpus,
            chosen,
            #[cfg(feature = "llama")]
            is_named: plan.gpu.is_some(),
            none_since,
        })
    }

    /// Selects the GPU that ggml knows by this name and description.
    #[cfg(feature = "llama")]
    pub(super) fn choose(&mut self, device: &str, description: &str) -> Result<(), WatchError> {
        let whole: Vec<usize> = (0..self.gpus.len()).filter(|place| !self.gpus[*place].label.contains('.')).collect();
        let by = |is_it: &dyn Fn(&WatchedGpu) -> bool| {
            let found: Vec<usize> = whole.iter().copied().filter(|place| is_it(&self.gpus[*place])).collect();
            found.first().copied().filter(|_| found.len() == 1)
        };
        let found = by(&|gpu| gpu.label == device).or_else(|| by(&|gpu| gpu.name == description));
        // A GPU named with --gpu takes precedence.
        let named = self.chosen.filter(|_| self.is_named);
        self.chosen = named.or(found).or_else(|| by(&|_| true));
        self.chosen.map(|_| ()).ok_or_else(|| WatchError::WhichGpu { device: device.into() })
    }

    /// Adds part of the main memory as a GPU, and selects it.
    #[cfg(feature = "llama")]
    pub(super) fn add_simulated_gpu(&mut self, bytes: u64) {
        self.gpus.push(WatchedGpu {
            label: "card".into(),
            name: "part of the main memory".into(),
            memory_bytes: bytes,
            source: ReadingSource::Card(bytes),
        });
        self.chosen = Some(self.gpus.len() - 1);
    }

    /// If the driver of the selected GPU does not report its memory use, switches to counting this program's own
    /// allocations. Returns whether it did.
    #[cfg(feature = "llama")]
    pub(super) fn count_held(&mut self, total_bytes: Option<u64>) -> bool {
        let (Some(place), Some(total_bytes)) = (self.chosen, total_bytes) else { return false };
        let is_silent = matches!(self.gpus[place].source, ReadingSource::Ggml(_))
            && self.read(place, 0).is_err_and(|gap| !gap.lost);
        if is_silent {
            self.gpus[place].source = ReadingSource::Held(total_bytes);
        }
        is_silent
    }

    /// Reads the GPU at this index. `held_bytes` are this program's own allocations, on simulated GPUs or those whose
    /// driver does not report memory use.
    pub(super) fn read(&self, place: usize, held_bytes: u64) -> Result<GpuReading, ReadingFault> {
        let _ = held_bytes;
        match self.gpus[place].source {
            ReadingSource::Driver(address) => match &self.drivers {
                Some(drivers) => drivers.read(address).map_err(ReadingFault::from),
                None => Err(ReadingFault { lost: true, reason: "no driver responds".into() }),
            },
            #[cfg(feature = "llama")]
            ReadingSource::Ggml(index) => ggml_reading(index),
            #[cfg(feature = "llama")]
            ReadingSource::Card(bytes) | ReadingSource::Held(bytes) => {
                Ok(GpuReading::of_memory(bytes, bytes.saturating_sub(held_bytes)))
            }
        }
    }
}

impl From<GpuError> for ReadingFault {
    fn from(error: GpuError) -> Self {
        let lost = matches!(error, GpuError::Lost { .. });
        match error {
            GpuError::Lost { reason, .. } => Self { lost, reason },
            other => Self { lost, reason: other.to_string() },
        }
    }
}

/// The GPUs reported by the drivers. A split one is watched as a whole and by its parts.
fn of_drivers(drivers: &GpuDrivers) -> Vec<WatchedGpu> {
    let watched = |gpu: &crate::record::Gpu| {
        let address = GpuAddress::from(gpu);
        WatchedGpu {
            label: address.to_string(),
            name: gpu.name.to_string(),
            memory_bytes: gpu.vram_bytes.value().copied().unwrap_or(0),
            source: ReadingSource::Driver(address),
        }
    };
    drivers.survey().devices.iter().map(watched).collect()
}

/// The GPUs that ggml can compute on.
#[cfg(feature = "llama")]
fn of_ggml() -> Vec<WatchedGpu> {
    use crate::llm::engine::{Backend, DeviceKind};

    let devices = Backend::start().map(Backend::devices).unwrap_or_default();
    let gpus = devices.into_iter().filter(|device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu));
    gpus.map(|device| WatchedGpu {
        label: device.name,
        name: match device.kind {
            DeviceKind::IntegratedGpu => format!("{} (integrated)", device.description),
            _ => device.description,
        },
        memory_bytes: device.memory_total_bytes.unwrap_or(0),
        source: ReadingSource::Ggml(device.index),
    })
    .collect()
}

#[cfg(not(feature = "llama"))]
fn of_ggml() -> Vec<WatchedGpu> {
    Vec::new()
}

#[cfg(feature = "llama")]
fn ggml_reading(index: usize) -> Result<GpuReading, ReadingFault> {
    use crate::llm::engine::Backend;

    let devices = Backend::start().map(Backend::devices).unwrap_or_default();
    let memory = devices.get(index).map(|device| (device.memory_total_bytes, device.memory_free_bytes));
    match memory {
        None => Err(ReadingFault { lost: true, reason: "ggml no longer lists it".into() }),
        // A driver without a memory budget repeats the total; a GPU without any memory in use does not occur.
        Some((Some(total), Some(free))) if free < total => Ok(GpuReading::of_memory(total, free)),
        Some(_) => Err(ReadingFault { lost: false, reason: "ggml does not report its free memory".into() }),
    }
}

fn place_of(address: GpuAddress, gpus: &[WatchedGpu]) -> Result<usize, WatchError> {
    let by_driver = gpus.iter().position(|gpu| gpu.source == ReadingSource::Driver(address));
    // ggml's devices have no parts; there, the index is that in the list.
    let has_driver = gpus.iter().any(|gpu| matches!(gpu.source, ReadingSource::Driver(_)));
    let by_place = (address.index as usize) < gpus.len() && address.mig.is_none() && !has_driver;
    by_driver.or(by_place.then_some(address.index as usize)).ok_or_else(|| WatchError::NoSuchGpu {
        wanted: address.to_string(),
        there: gpus.iter().map(|gpu| gpu.label.clone()).collect::<Vec<_>>().join(", "),
    })
}

/// The one with the most memory; the first of equals.
fn largest(gpus: &[WatchedGpu]) -> Option<usize> {
    let most = gpus.iter().map(|gpu| gpu.memory_bytes).max()?;
    gpus.iter().position(|gpu| gpu.memory_bytes == most)
}
