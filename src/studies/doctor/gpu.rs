//! The GPU, as its driver reports it now.

use crate::advise::checkup::CardFacts;
use crate::host::gpu::{GpuAddress, Nvml};
use crate::record::{Fact, Machine};

/// The first GPU of the NVIDIA driver, or what was found instead.
pub(super) fn look(machine: &Machine) -> CardFacts {
    let survey = &machine.gpus;
    let Some(gpu) = survey.devices.iter().find(|gpu| gpu.mig.is_none()) else {
        let others = survey.others.value().filter(|others| !others.is_empty());
        let found = match (others, &survey.library) {
            (Some(others), _) => {
                format!("{} (NVML does not support it, so its memory use is unknown)", others.join(", "))
            }
            (None, Fact::Failed(reason)) => format!("the NVIDIA driver does not respond: {reason}"),
            (None, _) => "no NVIDIA driver".into(),
        };
        return CardFacts::None { found };
    };
    let name = format!("{}, driver {}", gpu.name, survey.driver);
    match Nvml::open().and_then(|nvml| nvml.read(GpuAddress::from(gpu))) {
        Ok(reading) => CardFacts::Here {
            name,
            memory: match reading.vram_total_and_free_bytes() {
                Fact::Value(memory) => Ok(memory),
                missing => Err(format!("its memory is {}", missing.missing().unwrap_or_default())),
            },
            throttled_by: reading.throttled_by.value().cloned().unwrap_or_default(),
        },
        Err(error) => CardFacts::Here { name, memory: Err(error.to_string()), throttled_by: Vec::new() },
    }
}
