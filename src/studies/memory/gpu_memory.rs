//! GPU memory: of one process, as reported by the driver, and of all programs together.

use std::collections::BTreeSet;

use crate::host::gpu::{GpuDevices, GpuError, GpuReading, supported_vendors, vram_of};
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, DeviceKind};
use crate::record::{Direction, Fact, Metric, MetricStatus};

/// Names of the two figures. The second covers all programs, as its name says.
pub(in crate::studies) const NAMES: [&str; 2] = ["vram_process", "vram_whole_gpu"];

/// Source of the figures.
#[derive(Debug)]
pub(in crate::studies) enum GpuMemoryReader {
    /// The drivers of the GPUs' vendors.
    Driver(Box<GpuDevices>),
    /// ggml, which reports the devices that this build can compute on.
    #[cfg(feature = "llama")]
    Ggml(&'static Backend),
    /// No source.
    Unavailable(Fact<u64>),
}

/// GPU memory at one time, on all GPUs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::studies) struct GpuMemory {
    /// Memory of the process, in bytes. Not measured if the driver does not list the process.
    pub(in crate::studies) process_bytes: Fact<u64>,
    /// Memory in use by any program, in bytes.
    pub(in crate::studies) whole_bytes: Fact<u64>,
}

impl GpuMemoryReader {
    /// Uses the drivers, if there are any.
    pub(in crate::studies) fn of_driver() -> Self {
        match GpuDevices::open() {
            Ok(gpus) => Self::Driver(Box::new(gpus)),
            Err(GpuError::NoDriver { .. }) => Self::Unavailable(Fact::Unsupported),
            Err(error) => Self::Unavailable(Fact::Failed(error.to_string())),
        }
    }

    /// Uses ggml if the driver reports nothing and ggml has a GPU.
    #[cfg(feature = "llama")]
    pub(in crate::studies) fn or_ggml(self, backend: &'static Backend) -> Self {
        match self {
            Self::Unavailable(_) if backend.devices().iter().any(|device| is_gpu(device.kind)) => Self::Ggml(backend),
            found => found,
        }
    }

    /// Current GPU memory.
    pub(in crate::studies) fn read(&self, pid: u32) -> GpuMemory {
        match self {
            Self::Driver(gpus) => by_driver(gpus, pid),
            #[cfg(feature = "llama")]
            Self::Ggml(backend) => GpuMemory { process_bytes: Fact::Unsupported, whole_bytes: by_ggml(backend) },
            Self::Unavailable(why) => GpuMemory { process_bytes: why.clone(), whole_bytes: why.clone() },
        }
    }

    /// The source, and the meaning of the metrics.
    pub(in crate::studies) fn description(&self) -> String {
        match self {
            Self::Driver(gpus) => format!(
                "GPU memory as reported by {}'s driver: vram_process is that of the process, vram_whole_gpu that of all \
                 programs.",
                gpus.vendors()
            ),
            #[cfg(feature = "llama")]
            Self::Ggml(_) => {
                "GPU memory as reported by ggml, for all programs together (vram_whole_gpu); unsupported if the \
                              driver does not report it."
                    .into()
            }
            Self::Unavailable(Fact::Failed(reason)) => format!("GPU memory is not available: {reason}."),
            Self::Unavailable(_) => format!(
                "GPU memory is not available: there is no {} driver, and this build of ggml has no GPU.",
                supported_vendors()
            ),
        }
    }
}

fn by_driver(gpus: &GpuDevices, pid: u32) -> GpuMemory {
    let readings: Result<Vec<GpuReading>, GpuError> = gpus.read().into_iter().collect();
    match readings {
        Err(error) => {
            let lost = Fact::Failed(error.to_string());
            GpuMemory { process_bytes: lost.clone(), whole_bytes: lost }
        }
        Ok(readings) => GpuMemory {
            process_bytes: match vram_of(&readings, pid) {
                Fact::Value(Some(bytes)) => Fact::Value(bytes),
                Fact::Value(None) | Fact::NotMeasured => Fact::NotMeasured,
                Fact::Unsupported => Fact::Unsupported,
                Fact::Failed(reason) => Fact::Failed(reason),
            },
            whole_bytes: sum(readings.iter().map(GpuReading::vram_taken_bytes)),
        },
    }
}

/// The sum; if one part is missing, the sum is missing for the same reason.
fn sum(parts: impl Iterator<Item = Fact<u64>>) -> Fact<u64> {
    parts.fold(Fact::Value(0), |sum, part| match (sum, part) {
        (Fact::Value(sum), Fact::Value(part)) => Fact::Value(sum + part),
        (Fact::Value(_), missing) | (missing, _) => missing,
    })
}

#[cfg(feature = "llama")]
fn is_gpu(kind: DeviceKind) -> bool {
    matches!(kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu)
}

/// Memory in use on all of ggml's GPUs. A driver without a memory budget reports everything as free, which counts as
/// not reporting.
#[cfg(feature = "llama")]
fn by_ggml(backend: &Backend) -> Fact<u64> {
    let taken = |device: &crate::llm::engine::Device| {
        let (total, free) = (device.memory_total_bytes?, device.memory_free_bytes?);
        total.checked_sub(free).filter(|taken| *taken > 0)
    };
    let taken: Option<u64> = backend.devices().iter().filter(|device| is_gpu(device.kind)).map(taken).sum();
    taken.into()
}

/// The two metrics of a sample; none if not requested.
#[cfg(feature = "llama")]
pub(in crate::studies) fn metrics(vram: Option<&GpuMemory>) -> Vec<Metric> {
    let figures = vram.map(|vram| [&vram.process_bytes, &vram.whole_bytes]);
    let metric = |(name, fact): (&str, &Fact<u64>)| match fact {
        Fact::Value(bytes) => Metric::plain(name, "bytes", *bytes as f64, 1, Direction::Lower),
        missing => Metric::absent(name, "bytes", 0, Direction::Lower, status(missing)),
    };
    figures.into_iter().flat_map(|facts| NAMES.into_iter().zip(facts).map(metric)).collect()
}

fn status(missing: &Fact<u64>) -> MetricStatus {
    match missing {
        Fact::Value(_) => MetricStatus::Ok,
        Fact::Unsupported => MetricStatus::Unsupported,
        Fact::Failed(_) => MetricStatus::Invalid,
        Fact::NotMeasured => MetricStatus::NotMeasured,
    }
}

/// Last and largest value of each over a series of samples; if never reported, the status is that of the last sample.
pub(in crate::studies) fn over_time(samples: &[&GpuMemory]) -> Vec<Metric> {
    let Some(last) = samples.last() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, reading) in NAMES.into_iter().zip(READINGS) {
        let values: Vec<f64> =
            samples.iter().filter_map(|vram| reading(vram).value()).map(|bytes| *bytes as f64).collect();
        let n = values.len() as u64;
        match (values.last(), values.iter().copied().reduce(f64::max)) {
            (Some(last), Some(largest)) => {
                found.push(Metric::plain(name, "bytes", *last, n, Direction::Lower));
                found.push(Metric::plain(&format!("{name}_max"), "bytes", largest, n, Direction::Lower));
            }
            _ => found.push(Metric::absent(name, "bytes", 0, Direction::Lower, status(reading(last)))),
        }
    }
    found
}

/// The two figures, in the order of their names.
pub(in crate::studies) const READINGS: [fn(&GpuMemory) -> &Fact<u64>; 2] =
    [|vram| &vram.process_bytes, |vram| &vram.whole_bytes];

/// Why readings are missing in some samples; each reason once.
pub(in crate::studies) fn reasons<'a>(samples: impl IntoIterator<Item = &'a GpuMemory>) -> Vec<String> {
    let missing = |fact: &Fact<u64>| match fact {
        Fact::Failed(reason) => Some(reason.clone()),
        _ => None,
    };
    let reasons: BTreeSet<String> =
        samples.into_iter().flat_map(|vram| READINGS.map(|reading| missing(reading(vram)))).flatten().collect();
    reasons.into_iter().map(|reason| format!("Missing in some samples: GPU memory ({reason}).")).collect()
}
