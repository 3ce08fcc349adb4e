//! The control groups of Linux that can limit this process's CPU time, version 1 and version 2.

use std::path::{Component, Path, PathBuf};

use super::reading;

/// The version of a control group hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CgroupVersion {
    V1,
    V2,
}

/// A control group, by its folder. The folder may not exist: inside a container the path may lead outside the mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cgroup {
    pub(super) version: CgroupVersion,
    pub(super) folder: PathBuf,
}

/// The mount point of a hierarchy, and which of its groups is mounted there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CgroupMount {
    version: CgroupVersion,
    folder: PathBuf,
    root: PathBuf,
}

/// Common mount points, for systems whose list of mounts cannot be read.
const USUAL_MOUNTS: [(CgroupVersion, &str); 4] = [
    (CgroupVersion::V1, "sys/fs/cgroup/cpu"),
    (CgroupVersion::V1, "sys/fs/cgroup/cpu,cpuacct"),
    (CgroupVersion::V2, "sys/fs/cgroup"),
    (CgroupVersion::V2, "sys/fs/cgroup/unified"),
];

/// Every group whose CPU limit applies to this process: for each hierarchy the process's own group first, then its
/// parents up to the root. `root` is the root of the file system. The error says why the list cannot be read.
pub(super) fn cpu_groups(root: &Path) -> Result<Vec<Cgroup>, String> {
    let Some(membership) = reading::text(&root.join("proc/self/cgroup"))? else { return Ok(Vec::new()) };
    let mounts = mounts(root);
    let mut found: Vec<Cgroup> = Vec::new();
    for (version, path) in memberships(&membership) {
        for mount in mounts.iter().filter(|mount| mount.version == version) {
            let below = path.strip_prefix(&mount.root).unwrap_or(&path);
            for part in below.ancestors() {
                let group = Cgroup { version, folder: mount.folder.join(part) };
                if !found.contains(&group) {
                    found.push(group);
                }
            }
        }
    }
    Ok(found)
}

/// The groups that can have a CPU limit, from the text of `/proc/self/cgroup`, without the leading slash.
///
/// A line is `id:controllers:/path`; version 2 has id 0 and no controllers. Inside a container the path can lead
/// outside the mount (`/../sibling`): only its plain components are kept.
fn memberships(text: &str) -> Vec<(CgroupVersion, PathBuf)> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let version = match (id, controllers) {
                ("0", "") => CgroupVersion::V2,
                (_, list) if has(list, "cpu") => CgroupVersion::V1,
                _ => return None,
            };
            Some((version, plain(path)))
        })
        .collect()
}

/// The mounted hierarchies that can have a CPU limit: those of `/proc/self/mountinfo`, then the common ones.
fn mounts(root: &Path) -> Vec<CgroupMount> {
    let listed = reading::text(&root.join("proc/self/mountinfo")).ok().flatten().unwrap_or_default();
    let usual =
        USUAL_MOUNTS.map(|(version, folder)| CgroupMount { version, folder: root.join(folder), root: PathBuf::new() });
    let mut mounts: Vec<CgroupMount> = listed.lines().filter_map(|line| mount(root, line)).collect();
    for mount in usual {
        if mounts.iter().all(|known| known.folder != mount.folder) {
            mounts.push(mount);
        }
    }
    mounts
}

/// One line of `/proc/self/mountinfo`: `id parent major:minor ROOT MOUNTPOINT options … - TYPE source SUPER_OPTIONS`.
fn mount(root: &Path, line: &str) -> Option<CgroupMount> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (group, folder) = (fields.next()?, fields.next()?);
    let mut fields = after.split(' ');
    let version = match (fields.next()?, fields.nth(1)) {
        ("cgroup2", _) => CgroupVersion::V2,
        ("cgroup", Some(options)) if has(options, "cpu") => CgroupVersion::V1,
        _ => return None,
    };
    Some(CgroupMount { version, folder: root.join(plain(&unescaped(folder))), root: plain(&unescaped(group)) })
}

/// Whether a comma-separated list has that word.
fn has(list: &str, word: &str) -> bool {
    list.split(',').any(|entry| entry == word)
}

/// The plain components of a path, without the root.
fn plain(path: &str) -> PathBuf {
    Path::new(path).components().filter(|part| matches!(part, Component::Normal(_))).collect()
}

/// The kernel writes a blank in a path as `\040`.
fn unescaped(path: &str) -> String {
    path.replace("\\040", " ")
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use reading::root_with;

    #[test]
    fn membership_lines_are_parsed_by_version() {
        let text = "9:name=systemd:/\n7:cpuset:/a\n2:cpu,cpuacct:/jobs/7\n0::/user.slice/../app.scope\nodd";
        assert_eq!(
            memberships(text),
            [(CgroupVersion::V1, "jobs/7".into()), (CgroupVersion::V2, "user.slice/app.scope".into())]
        );
    }

    #[test]
    fn hierarchy_is_found_at_its_mount_point() {
        let root = root_with(&[
            ("proc/self/cgroup", "3:cpuacct,cpu:/box/inner\n"),
            (
                "proc/self/mountinfo",
                "30 25 0:26 / /sys rw - sysfs sysfs rw\n\
                 31 30 0:27 /box /odd\\040place rw,nosuid - cgroup cgroup rw,cpuacct,cpu\n\
                 32 30 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n",
            ),
        ]);
        let folders: Vec<PathBuf> = cpu_groups(root.path()).unwrap().into_iter().map(|group| group.folder).collect();
        let at = |path: &str| root.path().join(path);
        assert_eq!(folders[..2], [at("odd place/inner"), at("odd place")]);
        assert!(folders.contains(&at("sys/fs/cgroup/cpu/box/inner")) && !folders.contains(&at("sys/fs/cgroup/cpuset")));
    }

    #[test]
    fn no_groups_without_control_groups() {
        assert_eq!(cpu_groups(root_with(&[]).path()), Ok(Vec::new()));
    }
}
