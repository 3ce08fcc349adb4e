//! Facts about all GPUs of this machine, read once.

use std::path::Path;

use super::{GpuDrivers, GpuError, display};
use crate::record::{Fact, Gpu, GpuSurvey};

/// Asks the drivers, if there are any. `root` is the root of the file system.
pub(in super::super) fn survey(root: &Path) -> GpuSurvey {
    let others = display::others(root);
    match GpuDrivers::open() {
        Ok(drivers) => GpuSurvey { others, ..drivers.survey() },
        Err(error) => {
            let state = match error {
                GpuError::NoDriver { .. } => Fact::Unsupported,
                GpuError::Disabled { .. } => Fact::NotMeasured,
                error => Fact::Failed(error.to_string()),
            };
            GpuSurvey { library: state.clone(), driver: state.clone(), cuda: state, devices: Vec::new(), others }
        }
    }
}

/// The GPUs on one line: names, memory, driver.
pub(in super::super) fn title(survey: &GpuSurvey) -> Fact<String> {
    let whole: Vec<String> = survey.devices.iter().filter(|gpu| gpu.mig.is_none()).map(one).collect();
    match &survey.library {
        _ if !whole.is_empty() => {
            Fact::Value(format!("{}; driver {}, CUDA up to {}", whole.join("; "), survey.driver, survey.cuda))
        }
        // A driver exists but reports no GPU, so there is nothing to list.
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

/// The part of the GPUs that makes figures comparable: `RTX 4050/6;RTX 3060/12`. Empty if there are none, so that
/// machines without a GPU keep their fingerprint. The driver is not included, like the kernel.
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
