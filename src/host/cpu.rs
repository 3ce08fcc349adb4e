//! The processor: its name and number of CPUs.

use sysinfo::System;

use super::reading;
use crate::record::Fact;

/// CPU model as reported by the first CPU. `system` must have its CPU list.
pub(super) fn model(system: &System) -> Fact<String> {
    match system.cpus().first() {
        Some(cpu) => reading::named(cpu.brand(), "the processor's name"),
        None => Fact::Failed("the CPU list is empty".into()),
    }
}

/// Physical cores.
pub(super) fn physical_cores() -> Fact<u64> {
    match reading::from_sysinfo(System::physical_core_count()) {
        Fact::Value(0) => Fact::Failed("the core list is empty".into()),
        Fact::Value(cores) => Fact::Value(cores as u64),
        Fact::Unsupported => Fact::Unsupported,
        Fact::Failed(reason) => Fact::Failed(reason),
        Fact::NotMeasured => Fact::NotMeasured,
    }
}

/// Logical CPUs that are online. `system` must have its CPU list.
pub(super) fn logical_cpus(system: &System) -> Fact<u64> {
    match system.cpus().len() {
        0 => Fact::Failed("the CPU list is empty".into()),
        cpus => Fact::Value(cpus as u64),
    }
}
