//! All facts about this machine, read once at the start of a run.

use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::fingerprint::FingerprintFacts;
use super::{cpu, gpu, power, reading, topology, virtualised};
use crate::record::{Fact, Machine, Topology};

/// Reads the facts about this machine: takes some milliseconds, a few more with a GPU driver, changes nothing, and
/// never fails as a whole.
#[must_use]
pub fn machine() -> Machine {
    read(Path::new("/"))
}

/// The facts, with `/proc` and `/sys` below `root`.
fn read(root: &Path) -> Machine {
    let wanted =
        RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted);
    let cpu = ask(&system, cpu::model);
    let topology = topology::read(root);
    let usable_cpus = topology.usable_cpus();
    let Topology { physical_cores, logical_cpus, .. } = topology;
    let memory_bytes = ask(&system, memory_bytes);
    let gpus = gpu::survey(root);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let fingerprint = FingerprintFacts {
        cpu: &cpu,
        physical_cores: &physical_cores,
        logical_cpus: &logical_cpus,
        usable_cpus: &usable_cpus,
        memory_bytes: &memory_bytes,
        os,
        arch,
        gpus: &gpu::fingerprint_part(&gpus),
    }
    .fingerprint();
    Machine {
        fingerprint,
        cpu,
        physical_cores,
        logical_cpus,
        usable_cpus,
        memory_bytes,
        os: reading::from_sysinfo(System::long_os_version()),
        kernel: reading::from_sysinfo(System::kernel_version()),
        arch: arch.into(),
        power: power::governor(root),
        turbo: power::turbo(root),
        virtualised: virtualised::virtualised(root),
        load_average: load_average(root),
        gpu: gpu::title(&gpus),
        gpus,
    }
}

/// The result of `question` for a system that could be read.
fn ask<T>(system: &Result<System, sysinfo::Error>, question: impl Fn(&System) -> Fact<T>) -> Fact<T> {
    match system {
        Ok(system) => question(system),
        Err(error) => Fact::Failed(error.to_string()),
    }
}

/// Memory in bytes; the source returns 0 if it could not read it.
fn memory_bytes(system: &System) -> Fact<u64> {
    match system.total_memory() {
        0 => Fact::Failed("the system does not report its memory".into()),
        bytes => Fact::Value(bytes),
    }
}

/// Memory that programs can still allocate without swapping, in bytes.
#[must_use]
pub fn available_memory_bytes() -> Fact<u64> {
    let wanted = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(wanted);
    ask(&system, |system| match system.available_memory() {
        0 => Fact::Failed("the system does not report its free memory".into()),
        bytes => Fact::Value(bytes),
    })
}

/// This machine's one-minute load average.
#[must_use]
pub fn current_load_average() -> Fact<f64> {
    load_average(Path::new("/"))
}

/// One-minute load average. Windows has none: its substitute starts at 0 and is meaningless for a minute.
pub(super) fn load_average(root: &Path) -> Fact<f64> {
    if cfg!(windows) {
        return Fact::Unsupported;
    }
    if !cfg!(target_os = "linux") {
        return reading::from_sysinfo(System::load_average().map(|load| load.one));
    }
    match reading::text(&root.join("proc/loadavg")) {
        Ok(Some(text)) => match text.split_whitespace().next().and_then(|load| load.parse().ok()) {
            Some(load) => Fact::Value(load),
            None => Fact::Failed(format!("cannot parse the load average '{text}'")),
        },
        Ok(None) => Fact::Unsupported,
        Err(reason) => Fact::Failed(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_is_stable() {
        let (first, again) = (machine(), machine());
        assert_eq!(first.fingerprint, again.fingerprint);
        assert_eq!(first.fingerprint.len(), 16);
        assert!(first.fingerprint.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }

    #[test]
    fn cpu_counts_are_consistent() {
        let machine = machine();
        let usable = machine.usable_cpus.value().copied().unwrap();
        let logical = machine.logical_cpus.value().copied().unwrap();
        assert!(usable >= 1 && usable <= logical, "{usable} of {logical}");
        assert!(machine.memory_bytes.value().is_some_and(|bytes| *bytes > 64 << 20), "{}", machine.memory_bytes);
        assert_eq!(machine.gpu.value().is_some(), !machine.gpus.devices.is_empty(), "{}", machine.gpu);
    }

    #[test]
    fn machine_round_trips_through_json() {
        let machine = Machine { load_average: Fact::Value(0.5), ..machine() };
        let json = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&json).unwrap(), machine);
    }
}
