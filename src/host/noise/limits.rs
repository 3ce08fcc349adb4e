//! Limits of the CPUs: quotas of control groups, thermal throttling, and their frequency. Only read on Linux.

use std::path::Path;

use super::super::cgroup::{Cgroup, cpu_groups};
use super::super::reading;
use crate::record::Fact;

/// CPU information of Linux, below the root of the file system.
const CPUS: &str = "sys/devices/system/cpu";

/// Number of periods and of throttled periods of a control group's quota, since the group was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuotaPeriods {
    group: Cgroup,
    all: u64,
    throttled: u64,
}

/// The periods of every group that can throttle this process.
pub(super) fn periods(root: &Path) -> Result<Vec<QuotaPeriods>, String> {
    let mut found = Vec::new();
    for group in cpu_groups(root)? {
        let Some(text) = reading::text(&group.folder.join("cpu.stat"))? else { continue };
        let count = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        // Without a quota, version 2 omits them.
        if let (Some(all), Some(throttled)) = (count("nr_periods"), count("nr_throttled")) {
            found.push(QuotaPeriods { group, all, throttled });
        }
    }
    Ok(found)
}

/// The largest share of periods in which a group throttled the process between two readings; not measured if no period
/// passed.
pub(super) fn throttled_share(before: &[QuotaPeriods], after: &[QuotaPeriods]) -> Fact<f64> {
    let shares = after.iter().filter_map(|after| {
        let before = before.iter().find(|before| before.group == after.group)?;
        let all = after.all.saturating_sub(before.all);
        (all > 0).then(|| after.throttled.saturating_sub(before.throttled) as f64 / all as f64)
    });
    shares.reduce(f64::max).map_or(Fact::NotMeasured, Fact::Value)
}

/// Number of thermal throttling events of the cores since the machine started.
pub(super) fn heat_throttles(root: &Path) -> Fact<u64> {
    sum(root, "thermal_throttle/core_throttle_count").map(|(sum, _)| sum).into()
}

/// Mean frequency of the CPUs now, in MHz.
pub(super) fn frequency_mhz(root: &Path) -> Fact<f64> {
    sum(root, "cpufreq/scaling_cur_freq").map(|(khz, cpus)| khz as f64 / cpus as f64 / 1e3).into()
}

/// The sum of a file over all CPUs that have it, and their number.
fn sum(root: &Path, file: &str) -> Option<(u64, u64)> {
    let folders = std::fs::read_dir(root.join(CPUS)).ok()?.flatten();
    let values = folders.filter_map(|folder| reading::text(&folder.path().join(file)).ok()??.parse::<u64>().ok());
    values.fold(None, |sum, value| Some(sum.map_or((value, 1), |(all, cpus): (u64, u64)| (all + value, cpus + 1))))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use reading::root_with;

    fn read(own: &str, parent: &str) -> Vec<QuotaPeriods> {
        let root = root_with(&[
            ("proc/self/cgroup", "0::/box/inner\n"),
            ("sys/fs/cgroup/box/inner/cpu.stat", own),
            ("sys/fs/cgroup/box/cpu.stat", parent),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 1\n"),
        ]);
        // The temporary folder differs between the readings; its content is the same.
        let mut periods = periods(root.path()).unwrap();
        for one in &mut periods {
            one.group.folder = one.group.folder.strip_prefix(root.path()).unwrap().into();
        }
        periods
    }

    #[test]
    fn most_throttled_group_counts() {
        let before = read("nr_periods 100\nnr_throttled 100\n", "nr_periods 10\nnr_throttled 0\nthrottled_usec 0\n");
        let after = read("nr_periods 200\nnr_throttled 110\n", "nr_periods 110\nnr_throttled 40\nthrottled_usec 9\n");
        assert_eq!(throttled_share(&before, &after), Fact::Value(0.4));
        assert_eq!(throttled_share(&before, &before), Fact::NotMeasured);
        assert_eq!(throttled_share(&[], &after), Fact::NotMeasured);
    }

    #[test]
    fn heat_and_frequency_cover_all_cpus() {
        let root = root_with(&[
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000\n"),
            ("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3000000\n"),
            ("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "4\n"),
        ]);
        assert_eq!(frequency_mhz(root.path()), Fact::Value(2500.0));
        assert_eq!(heat_throttles(root.path()), Fact::Value(4));
        assert_eq!(frequency_mhz(root_with(&[]).path()), Fact::Unsupported);
    }
}
