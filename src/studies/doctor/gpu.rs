//! The GPU, as its driver reports it now.

use crate::advise::checkup::GpuFacts;
use crate::host::gpu::{GpuAddress, GpuDrivers, supported_libraries, supported_vendors};
use crate::record::{Fact, Machine};

/// The first GPU that a driver reports, or what was found instead.
pub(super) fn look(machine: &Machine) -> GpuFacts {
    let survey = &machine.gpus;
    let Some(gpu) = survey.devices.iter().find(|gpu| gpu.mig.is_none()) else {
        let others = survey.others.value().filter(|others| !others.is_empty());
        let found = match (others, &survey.library) {
            (Some(others), _) => {
                format!(
                    "{} ({} does not support it, so its memory use is unknown)",
                    others.join(", "),
                    supported_libraries()
                )
            }
            (None, Fact::Failed(reason)) => format!("the {} driver does not respond: {reason}", supported_vendors()),
            (None, _) => format!("no {} driver", supported_vendors()),
        };
        return GpuFacts::None { found };
    };
    let name = format!("{}, driver {}", gpu.name, survey.driver);
    match GpuDrivers::open().and_then(|drivers| drivers.read(GpuAddress::from(gpu))) {
        Ok(reading) => GpuFacts::Here {
            name,
            memory: match reading.vram_total_and_free_bytes() {
                Fact::Value(memory) => Ok(memory),
                missing => Err(format!("its memory is {}", missing.missing().unwrap_or_default())),
            },
            throttled_by: reading.throttled_by.value().cloned().unwrap_or_default(),
        },
        Err(error) => GpuFacts::Here { name, memory: Err(error.to_string()), throttled_by: Vec::new() },
    }
}
