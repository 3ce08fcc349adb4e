//! CPU quotas of Linux control groups, version 2 and version 1: how much CPU time a container may use.

use std::path::Path;

use super::cgroup::{Cgroup, CgroupVersion, cpu_groups};
use super::reading;

/// The tightest quota of this process, in CPUs (`1.5` is one and a half); `None` if there is no limit.
///
/// `root` is the root of the file system. The limit of a parent group also applies, so every group from the process's
/// own to the root is read. The error says what could not be read or parsed.
pub(super) fn quota_cpus(root: &Path) -> Result<Option<f64>, String> {
    let mut tightest: Option<f64> = None;
    for group in cpu_groups(root)? {
        tightest = match (tightest, limit_of(&group)?) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok(tightest)
}

/// The limit of one group; `None` if it sets none or does not exist.
fn limit_of(group: &Cgroup) -> Result<Option<f64>, String> {
    match group.version {
        CgroupVersion::V2 => match reading::text(&group.folder.join("cpu.max"))? {
            Some(text) => parse_cpu_max(&text),
            None => Ok(None),
        },
        CgroupVersion::V1 => {
            let quota = reading::text(&group.folder.join("cpu.cfs_quota_us"))?;
            let period = reading::text(&group.folder.join("cpu.cfs_period_us"))?;
            match (quota, period) {
                (Some(quota), Some(period)) => parse_cfs(&quota, &period),
                _ => Ok(None),
            }
        }
    }
}

/// The limit in `cpu.max`: `QUOTA PERIOD` in microseconds, or `max PERIOD` for none.
fn parse_cpu_max(text: &str) -> Result<Option<f64>, String> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some("max"), _) => Ok(None),
        (Some(quota), Some(period)) => share(quota, period),
        _ => Err(format!("cannot parse the CPU quota '{text}'")),
    }
}

/// The limit in a version 1 pair of quota and period, in microseconds; a quota of −1 means none.
fn parse_cfs(quota: &str, period: &str) -> Result<Option<f64>, String> {
    if quota.starts_with('-') { Ok(None) } else { share(quota, period) }
}

/// Quota over period, both in microseconds.
fn share(quota: &str, period: &str) -> Result<Option<f64>, String> {
    match (quota.parse::<u64>(), period.parse::<u64>()) {
        (Ok(quota), Ok(period)) if quota > 0 && period > 0 => Ok(Some(quota as f64 / period as f64)),
        _ => Err(format!("cannot parse the CPU quota '{quota} {period}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::reading::root_with as root;
    use super::*;

    #[test]
    fn quotas_are_parsed() {
        assert_eq!(parse_cpu_max("max 100000"), Ok(None));
        assert_eq!(parse_cpu_max("150000 100000"), Ok(Some(1.5)));
        assert_eq!(parse_cfs("-1", "100000"), Ok(None));
        assert_eq!(parse_cfs("200000", "100000"), Ok(Some(2.0)));
        for odd in ["", "150000", "lots 100000", "1 0"] {
            assert!(parse_cpu_max(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn parent_quota_applies_to_children() {
        let root = root(&[
            ("proc/self/cgroup", "0::/box/inner\n"),
            ("sys/fs/cgroup/box/inner/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/box/cpu.max", "250000 100000\n"),
        ]);
        assert_eq!(quota_cpus(root.path()), Ok(Some(2.5)));
    }

    #[test]
    fn version_1_parent_quota_applies_to_children() {
        let root = root(&[
            ("proc/self/cgroup", "1:cpu:/outer/inner\n0::/\n"),
            ("sys/fs/cgroup/cpu/outer/cpu.cfs_quota_us", "150000\n"),
            ("sys/fs/cgroup/cpu/outer/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu/outer/inner/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/outer/inner/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(quota_cpus(root.path()), Ok(Some(1.5)));
    }

    #[test]
    fn mounted_root_is_read_inside_a_container() {
        let root = root(&[
            ("proc/self/cgroup", "4:memory:/docker/abc\n3:cpuacct,cpu:/docker/abc\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(quota_cpus(root.path()), Ok(Some(0.5)));
    }

    #[test]
    fn no_quota_without_control_groups_and_invalid_quota_fails() {
        assert_eq!(quota_cpus(root(&[]).path()), Ok(None));
        let garbled = root(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "half\n")]);
        assert_eq!(quota_cpus(garbled.path()), Err("cannot parse the CPU quota 'half'".into()));
    }
}
