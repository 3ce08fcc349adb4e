//! What of the GPUs' memory is taken: by a process, as the driver counts it, and by all programs together.

use std::collections::BTreeSet;

use crate::host::gpu::{GpuError, GpuReading, ServedGpus, vram_of};
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, DeviceKind};
use crate::record::{Direction, Fact, Metric, MetricStatus};

/// The names of the two figures. The second counts all programs, and its name says so wherever it stands.
pub(super) const NAMES: [&str; 2] = ["vram_process", "vram_whole_gpu"];

/// Who is asked.
#[derive(Debug)]
pub(super) enum VramReader {
    /// NVIDIA's driver.
    Driver(Box<ServedGpus>),
    /// ggml, which knows how full the devices are that this build can compute on.
    #[cfg(feature = "llama")]
    Ggml(&'static Backend),
    /// Nobody can tell.
    Nobody(Fact<u64>),
}

/// GPU memory at one moment, on all GPUs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vram {
    /// What the process holds, in bytes. Not measured where the driver knows of nothing that it holds.
    pub(super) process_bytes: Fact<u64>,
    /// What is not free, in bytes, whoever took it.
    pub(super) whole_bytes: Fact<u64>,
}

impl VramReader {
    /// Asks NVIDIA's driver, where there is one.
    pub(super) fn of_driver() -> Self {
        match ServedGpus::open() {
            Ok(gpus) => Self::Driver(Box::new(gpus)),
            Err(GpuError::NoDriver) => Self::Nobody(Fact::Unsupported),
            Err(error) => Self::Nobody(Fact::Failed(error.to_string())),
        }
    }

    /// Asks ggml where the driver tells nothing, and ggml has a GPU.
    #[cfg(feature = "llama")]
    pub(super) fn or_ggml(self, backend: &'static Backend) -> Self {
        match self {
            Self::Nobody(_) if backend.devices().iter().any(|device| is_gpu(device.kind)) => Self::Ggml(backend),
            found => found,
        }
    }

    /// GPU memory now.
    pub(super) fn read(&self, pid: u32) -> Vram {
        match self {
            Self::Driver(gpus) => by_driver(gpus, pid),
            #[cfg(feature = "llama")]
            Self::Ggml(backend) => Vram { process_bytes: Fact::Unsupported, whole_bytes: by_ggml(backend) },
            Self::Nobody(why) => Vram { process_bytes: why.clone(), whole_bytes: why.clone() },
        }
    }

    /// Who tells, and what the figures do not say.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Driver(_) => "GPU memory is told by NVIDIA's driver: vram_process is what the process holds, \
                                vram_whole_gpu what all programs hold."
                .into(),
            #[cfg(feature = "llama")]
            Self::Ggml(_) => "GPU memory is told by ggml, which does not know whose it is: vram_whole_gpu is what all \
                              programs hold, unsupported where the driver does not tell that either."
                .into(),
            Self::Nobody(Fact::Failed(reason)) => format!("GPU memory is not told: {reason}."),
            Self::Nobody(_) => "GPU memory is not told: there is no NVIDIA driver, and no GPU that this build of ggml \
                                knows."
                .into(),
        }
    }
}

fn by_driver(gpus: &ServedGpus, pid: u32) -> Vram {
    let readings: Result<Vec<GpuReading>, GpuError> = gpus.read().into_iter().collect();
    match readings {
        Err(error) => {
            let lost = Fact::Failed(error.to_string());
            Vram { process_bytes: lost.clone(), whole_bytes: lost }
        }
        Ok(readings) => Vram {
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

/// The sum; where one is missing, the sum is missing for the same reason.
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

/// What is taken of all of ggml's GPUs. A driver without a budget says that all is free; then it does not tell.
#[cfg(feature = "llama")]
fn by_ggml(backend: &Backend) -> Fact<u64> {
    let taken = |device: &crate::llm::engine::Device| {
        let (total, free) = (device.memory_total_bytes?, device.memory_free_bytes?);
        total.checked_sub(free).filter(|taken| *taken > 0)
    };
    let taken: Option<u64> = backend.devices().iter().filter(|device| is_gpu(device.kind)).map(taken).sum();
    taken.into()
}

/// The two figures of a moment; none where nobody asked for them.
#[cfg(feature = "llama")]
pub(super) fn metrics(vram: Option<&Vram>) -> Vec<Metric> {
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

/// The last value of each figure over a row of moments, and the largest where it was larger; what was never told has the
/// status of the last moment.
pub(super) fn over_time(moments: &[&Vram]) -> Vec<Metric> {
    let Some(last) = moments.last() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, reading) in NAMES.into_iter().zip(READINGS) {
        let values: Vec<f64> =
            moments.iter().filter_map(|vram| reading(vram).value()).map(|bytes| *bytes as f64).collect();
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

/// The two figures, by their names.
pub(super) const READINGS: [fn(&Vram) -> &Fact<u64>; 2] = [|vram| &vram.process_bytes, |vram| &vram.whole_bytes];

/// Why figures are missing at some moments, each reason once.
pub(super) fn reasons<'a>(moments: impl IntoIterator<Item = &'a Vram>) -> Vec<String> {
    let missing = |fact: &Fact<u64>| match fact {
        Fact::Failed(reason) => Some(reason.clone()),
        _ => None,
    };
    let reasons: BTreeSet<String> =
        moments.into_iter().flat_map(|vram| READINGS.map(|reading| missing(reading(vram)))).flatten().collect();
    reasons.into_iter().map(|reason| format!("Not read at some moments: GPU memory ({reason}).")).collect()
}
