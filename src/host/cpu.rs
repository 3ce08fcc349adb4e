//! The processor: its name, how many CPUs it has, and how many of them this process may use.

use std::path::Path;

use sysinfo::System;

use super::{quota, reading};
use crate::record::Fact;

/// CPU model as the processor names itself, of the first CPU. `system` must have its CPU list.
pub(super) fn model(system: &System) -> Fact<String> {
    match system.cpus().first() {
        Some(cpu) => reading::named(cpu.brand(), "the name that the processor gives itself"),
        None => Fact::Failed("the list of CPUs is empty".into()),
    }
}

/// Physical cores.
pub(super) fn physical_cores() -> Fact<u64> {
    match reading::from_sysinfo(System::physical_core_count()) {
        Fact::Value(0) => Fact::Failed("the list of cores is empty".into()),
        Fact::Value(cores) => Fact::Value(cores as u64),
        Fact::Unsupported => Fact::Unsupported,
        Fact::Failed(reason) => Fact::Failed(reason),
        Fact::NotMeasured => Fact::NotMeasured,
    }
}

/// Logical CPUs that are online. `system` must have its CPU list.
pub(super) fn logical_cpus(system: &System) -> Fact<u64> {
    match system.cpus().len() {
        0 => Fact::Failed("the list of CPUs is empty".into()),
        cpus => Fact::Value(cpus as u64),
    }
}

/// CPUs that affinity and quotas leave to this process, at least 1. `root` is the root of the file system.
pub(super) fn usable_cpus(root: &Path) -> Fact<u64> {
    let allowed = match std::thread::available_parallelism() {
        Ok(cpus) => cpus.get() as u64,
        Err(error) => return Fact::Failed(error.kind().to_string()),
    };
    if !cfg!(target_os = "linux") {
        return Fact::Value(allowed);
    }
    match quota::quota_cpus(root) {
        Ok(quota) => Fact::Value(within(allowed, quota)),
        Err(reason) => Fact::Failed(reason),
    }
}

/// The whole CPUs of a quota, where that is less than what affinity allows: of 1.5 CPUs, one is always there.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn within(allowed: u64, quota: Option<f64>) -> u64 {
    quota.map_or(allowed, |quota| allowed.min((quota.floor() as u64).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_counts_in_whole_cpus_and_never_below_one() {
        assert_eq!(within(8, None), 8);
        assert_eq!(within(8, Some(2.9)), 2);
        assert_eq!(within(8, Some(0.5)), 1);
        assert_eq!(within(2, Some(16.0)), 2);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_garbled_quota_is_a_failure_not_a_guess() {
        assert!(usable_cpus(reading::root_with(&[]).path()).value().is_some());
        let root = reading::root_with(&[("proc/self/cgroup", "0::/"), ("sys/fs/cgroup/cpu.max", "?")]);
        assert_eq!(usable_cpus(root.path()), Fact::Failed("the CPU quota '?' is not understood".into()));
    }
}
