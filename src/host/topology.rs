//! Cores, threads per core, and how many of them this process may use.

use std::path::Path;

use sysinfo::{CpuRefreshKind, RefreshKind, System};

use super::core_kinds::core_kinds;
use super::{cpu, cpu_list, process_status, quota, reading};
use crate::record::{Fact, Topology};

/// Reads the topology of this machine's processor: takes some milliseconds, changes nothing, and never fails as a
/// whole.
#[must_use]
pub fn topology() -> Topology {
    read(Path::new("/"))
}

/// The topology, with `/proc` and `/sys` below `root`.
pub(super) fn read(root: &Path) -> Topology {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let logical_cpus = match &system {
        Ok(system) => cpu::logical_cpus(system),
        Err(error) => Fact::Failed(error.to_string()),
    };
    let physical_cores = cpu::physical_cores();
    let kinds = core_kinds(root);
    Topology {
        smt: smt(root, &physical_cores, &logical_cpus),
        physical_cores,
        logical_cpus,
        performance_cores: kinds.performance,
        efficiency_cores: kinds.efficiency,
        affinity_cpus: affinity_cpus(root),
        quota_cpus: quota_cpus(root),
    }
}

/// Whether cores run more than one thread: from the kernel on Linux, elsewhere if there are more CPUs than cores.
fn smt(root: &Path, physical: &Fact<u64>, logical: &Fact<u64>) -> Fact<bool> {
    if !cfg!(target_os = "linux") {
        return match (physical, logical) {
            (Fact::Value(cores), Fact::Value(cpus)) => Fact::Value(cpus > cores),
            _ => Fact::Unsupported,
        };
    }
    match reading::text(&root.join("sys/devices/system/cpu/smt/active")) {
        Ok(None) => Fact::Unsupported,
        Ok(Some(text)) => match text.as_str() {
            "0" => Fact::Value(false),
            "1" => Fact::Value(true),
            odd => Fact::Failed(format!("the SMT setting has the unknown value '{odd}'")),
        },
        Err(reason) => Fact::Failed(reason),
    }
}

/// CPUs that affinity allows. On systems other than Linux the standard library's count: the process's affinity on
/// Windows, all CPUs on macOS, which has no affinity.
fn affinity_cpus(root: &Path) -> Fact<u64> {
    if !cfg!(target_os = "linux") {
        return match std::thread::available_parallelism() {
            Ok(cpus) => Fact::Value(cpus.get() as u64),
            Err(error) => Fact::Failed(error.kind().to_string()),
        };
    }
    match allowed_and_online(root) {
        Ok(cpus) => Fact::from(cpus),
        Err(reason) => Fact::Failed(reason),
    }
}

/// CPUs in the process's list of allowed ones. That list may include CPUs that could be hot-plugged but do not exist.
fn allowed_and_online(root: &Path) -> Result<Option<u64>, String> {
    let Some(allowed) = process_status::field(root, "Cpus_allowed_list")? else { return Ok(None) };
    let allowed = cpu_list::parse(&allowed)?;
    let cpus = match reading::text(&root.join("sys/devices/system/cpu/online"))? {
        Some(online) => allowed.intersection(&cpu_list::parse(&online)?).count(),
        None => allowed.len(),
    };
    Ok(Some(cpus as u64))
}

/// The quota of control groups, which only Linux has.
fn quota_cpus(root: &Path) -> Fact<Option<f64>> {
    if !cfg!(target_os = "linux") {
        return Fact::Unsupported;
    }
    match quota::quota_cpus(root) {
        Ok(quota) => Fact::Value(quota),
        Err(reason) => Fact::Failed(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topology_counts_are_consistent() {
        let topology = topology();
        let logical = topology.logical_cpus.value().copied().unwrap();
        let allowed = topology.affinity_cpus.value().copied().unwrap();
        assert!(allowed >= 1 && allowed <= logical, "{topology:?}");
        assert!(topology.usable_cpus().value().is_some_and(|usable| (1..=allowed).contains(usable)), "{topology:?}");
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use super::*;
        use crate::host::reading::root_with;

        #[test]
        fn affinity_counts_only_online_cpus() {
            let status = ("proc/self/status", "Name:\tx\nCpus_allowed_list:\t2-127\n");
            assert_eq!(affinity_cpus(root_with(&[status]).path()), Fact::Value(126));
            let online = ("sys/devices/system/cpu/online", "0-3\n");
            assert_eq!(affinity_cpus(root_with(&[status, online]).path()), Fact::Value(2));
            assert_eq!(affinity_cpus(root_with(&[]).path()), Fact::Unsupported);
            let garbled = root_with(&[("proc/self/status", "Cpus_allowed_list:\tall\n")]);
            assert_eq!(affinity_cpus(garbled.path()), Fact::Failed("cannot parse 'all' in a CPU list".into()));
        }

        #[test]
        fn usable_cpus_respect_affinity_and_quota() {
            let status = ("proc/self/status", "Cpus_allowed_list:\t0-7\n");
            let online = ("sys/devices/system/cpu/online", "0-7\n");
            let group = ("proc/self/cgroup", "0::/box/inner\n");
            let quota = ("sys/fs/cgroup/box/cpu.max", "50000 100000\n");
            let limited = read(root_with(&[status, online, group, quota]).path());
            assert_eq!((&limited.affinity_cpus, &limited.quota_cpus), (&Fact::Value(8), &Fact::Value(Some(0.5))));
            assert_eq!((limited.usable_cpus(), limited.usable_cores()), (Fact::Value(1), 1));
            let garbled = read(root_with(&[group, ("sys/fs/cgroup/cpu.max", "?\n")]).path());
            assert_eq!(garbled.usable_cpus(), Fact::Failed("cannot parse the CPU quota '?'".into()));
            assert!(garbled.usable_cores() >= 1);
        }

        #[test]
        fn smt_follows_the_kernel_setting() {
            let switch = |text| root_with(&[("sys/devices/system/cpu/smt/active", text)]);
            let says = |root: tempfile::TempDir| smt(root.path(), &Fact::Value(4), &Fact::Value(8));
            assert_eq!(says(switch("1\n")), Fact::Value(true));
            assert_eq!(says(switch("0\n")), Fact::Value(false));
            assert_eq!(says(switch("2")), Fact::Failed("the SMT setting has the unknown value '2'".into()));
            assert_eq!(says(root_with(&[])), Fact::Unsupported);
        }

        #[test]
        fn absent_quota_is_a_value() {
            assert_eq!(quota_cpus(root_with(&[]).path()), Fact::Value(None));
            let half = [("proc/self/cgroup", "0::/"), ("sys/fs/cgroup/cpu.max", "50000 100000")];
            assert_eq!(quota_cpus(root_with(&half).path()), Fact::Value(Some(0.5)));
        }
    }
}
