//! CPU quotas of Linux control groups, version 2 and version 1: how many CPUs' worth of time a container may use.

use std::path::{Component, Path, PathBuf};

use super::reading;

/// Which version of control groups a hierarchy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// The tightest quota on this process, in CPUs (`1.5` is one and a half); `None` where there is no limit.
///
/// `root` is the root of the file system. A limit on a parent group binds as well, so every group from the process's
/// own up to the hierarchy's root is asked. The error says what could not be read or understood.
pub(super) fn quota_cpus(root: &Path) -> Result<Option<f64>, String> {
    let Some(membership) = reading::text(&root.join("proc/self/cgroup"))? else { return Ok(None) };
    let mut tightest: Option<f64> = None;
    for (version, group) in groups(&membership) {
        let mounts: &[&str] = match version {
            Version::V1 => &["sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"],
            Version::V2 => &["sys/fs/cgroup", "sys/fs/cgroup/unified"],
        };
        for mount in mounts {
            for depth in group.ancestors() {
                let limit = limit_of(version, &root.join(mount).join(depth))?;
                tightest = match (tightest, limit) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
        }
    }
    Ok(tightest)
}

/// The groups that can carry a CPU quota, from the text of `/proc/self/cgroup`.
///
/// A line is `id:controllers:/path`; version 2 has id 0 and no controllers. Inside a container the path can lead
/// outside of what is mounted (`/../sibling`): only its plain components are kept.
fn groups(membership: &str) -> Vec<(Version, PathBuf)> {
    membership
        .lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let version = match (id, controllers) {
                ("0", "") => Version::V2,
                (_, list) if list.split(',').any(|controller| controller == "cpu") => Version::V1,
                _ => return None,
            };
            let plain = Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect();
            Some((version, plain))
        })
        .collect()
}

/// The limit that one group sets; `None` where it sets none or is not there.
fn limit_of(version: Version, group: &Path) -> Result<Option<f64>, String> {
    match version {
        Version::V2 => match reading::text(&group.join("cpu.max"))? {
            Some(text) => parse_cpu_max(&text),
            None => Ok(None),
        },
        Version::V1 => {
            let quota = reading::text(&group.join("cpu.cfs_quota_us"))?;
            let period = reading::text(&group.join("cpu.cfs_period_us"))?;
            match (quota, period) {
                (Some(quota), Some(period)) => parse_cfs(&quota, &period),
                _ => Ok(None),
            }
        }
    }
}

/// The limit in a `cpu.max`: `QUOTA PERIOD` in microseconds, or `max PERIOD` for none.
fn parse_cpu_max(text: &str) -> Result<Option<f64>, String> {
    let mut words = text.split_whitespace();
    match (words.next(), words.next()) {
        (Some("max"), _) => Ok(None),
        (Some(quota), Some(period)) => share(quota, period),
        _ => Err(format!("the CPU quota '{text}' is not understood")),
    }
}

/// The limit in a version 1 pair of quota and period, in microseconds; a quota of −1 is none.
fn parse_cfs(quota: &str, period: &str) -> Result<Option<f64>, String> {
    if quota.starts_with('-') { Ok(None) } else { share(quota, period) }
}

/// Quota over period, both in microseconds.
fn share(quota: &str, period: &str) -> Result<Option<f64>, String> {
    match (quota.parse::<u64>(), period.parse::<u64>()) {
        (Ok(quota), Ok(period)) if quota > 0 && period > 0 => Ok(Some(quota as f64 / period as f64)),
        _ => Err(format!("the CPU quota '{quota} {period}' is not understood")),
    }
}

#[cfg(test)]
mod tests {
    use super::reading::root_with as root;
    use super::*;

    #[test]
    fn membership_lines_are_told_apart() {
        let text = "9:name=systemd:/\n7:cpuset:/a\n2:cpu,cpuacct:/jobs/7\n0::/user.slice/../app.scope\nodd";
        assert_eq!(groups(text), [(Version::V1, "jobs/7".into()), (Version::V2, "user.slice/app.scope".into())]);
    }

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
    fn a_parent_group_binds_its_children() {
        let root = root(&[
            ("proc/self/cgroup", "0::/box/inner\n"),
            ("sys/fs/cgroup/box/inner/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/box/cpu.max", "250000 100000\n"),
        ]);
        assert_eq!(quota_cpus(root.path()), Ok(Some(2.5)));
    }

    #[test]
    fn inside_a_container_the_mounted_root_is_asked() {
        let root = root(&[
            ("proc/self/cgroup", "4:memory:/docker/abc\n3:cpuacct,cpu:/docker/abc\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(quota_cpus(root.path()), Ok(Some(0.5)));
    }

    #[test]
    fn no_control_groups_no_limit_and_a_garbled_one_fails() {
        assert_eq!(quota_cpus(root(&[]).path()), Ok(None));
        let garbled = root(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "half\n")]);
        assert_eq!(quota_cpus(garbled.path()), Err("the CPU quota 'half' is not understood".into()));
    }
}
