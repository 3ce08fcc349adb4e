//! Fast and slow cores, if a processor has both.
//!
//! Linux distinguishes them in two ways: Intel's hybrid processors have one performance-counter unit per type, with a
//! list of its CPUs; ARM (and similar systems) give each CPU a capacity.

use std::collections::BTreeSet;
use std::path::Path;

use super::{cpu_list, reading};
use crate::record::Fact;

/// CPU information of Linux, below the root of the file system.
const CPUS: &str = "sys/devices/system/cpu";

/// Capacities of at least this share of the largest are the same type of core at another clock, not a smaller one.
const SAME_KIND: f64 = 0.8;

/// Physical cores of each type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CoreKinds {
    /// Cores of the faster type.
    pub(super) performance: Fact<u64>,
    /// Cores of the slower type.
    pub(super) efficiency: Fact<u64>,
}

/// The types of cores; unsupported if there is only one type, or if it is not known. Only read on Linux.
pub(super) fn core_kinds(root: &Path) -> CoreKinds {
    let kinds = if cfg!(target_os = "linux") { kinds_on_linux(root) } else { Ok(None) };
    let counts = kinds.and_then(|kinds| {
        let Some((fast, slow)) = kinds else { return Ok(None) };
        Ok(Some((cores_of(root, &fast)?, cores_of(root, &slow)?)))
    });
    match counts {
        Ok(Some((fast, slow))) => CoreKinds { performance: Fact::Value(fast), efficiency: Fact::Value(slow) },
        Ok(None) => CoreKinds { performance: Fact::Unsupported, efficiency: Fact::Unsupported },
        Err(reason) => CoreKinds { performance: Fact::Failed(reason.clone()), efficiency: Fact::Failed(reason) },
    }
}

type Cpus = BTreeSet<u32>;

/// The logical CPUs of the faster and of the slower type.
fn kinds_on_linux(root: &Path) -> Result<Option<(Cpus, Cpus)>, String> {
    let unit = |name: &str| match reading::text(&root.join("sys/devices").join(name).join("cpus"))? {
        Some(list) => cpu_list::parse(&list),
        None => Ok(Cpus::new()),
    };
    let fast = unit("cpu_core")?;
    // Some processors have a second, even slower type of efficiency core, with a unit of its own.
    let slow: Cpus = unit("cpu_atom")?.union(&unit("cpu_lowpower")?).copied().collect();
    if !fast.is_empty() && !slow.is_empty() {
        return Ok(Some((fast, slow)));
    }
    Ok(by_capacity(&capacities(root)?))
}

/// The capacity of each CPU that has one, relative to 1024 for the fastest.
fn capacities(root: &Path) -> Result<Vec<(u32, u64)>, String> {
    let Some(online) = reading::text(&root.join(CPUS).join("online"))? else { return Ok(Vec::new()) };
    let mut capacities = Vec::new();
    for cpu in cpu_list::parse(&online)? {
        if let Some(text) = reading::text(&root.join(CPUS).join(format!("cpu{cpu}/cpu_capacity")))? {
            let capacity = text.parse().map_err(|_| format!("cannot parse the CPU capacity '{text}'"))?;
            capacities.push((cpu, capacity));
        }
    }
    Ok(capacities)
}

/// Splits CPUs into fast and slow: the slow ones have the smallest capacity, if that is clearly below the largest.
/// Those in between are fast, because the second of three clusters is also meant for heavy work.
fn by_capacity(capacities: &[(u32, u64)]) -> Option<(Cpus, Cpus)> {
    let largest = capacities.iter().map(|(_, capacity)| *capacity).max()?;
    let smallest = capacities.iter().map(|(_, capacity)| *capacity).min()?;
    if smallest as f64 >= SAME_KIND * largest as f64 {
        return None;
    }
    let (slow, fast): (Vec<_>, Vec<_>) = capacities.iter().partition(|(_, capacity)| *capacity == smallest);
    let cpus = |kind: Vec<(u32, u64)>| kind.into_iter().map(|(cpu, _)| cpu).collect();
    Some((cpus(fast), cpus(slow)))
}

/// Physical cores of logical CPUs: those that share a core have the same list of siblings.
fn cores_of(root: &Path, cpus: &Cpus) -> Result<u64, String> {
    let mut cores = BTreeSet::new();
    for cpu in cpus {
        let topology = root.join(CPUS).join(format!("cpu{cpu}/topology"));
        // The second is the name before Linux 5.3, and still exists.
        let siblings = match reading::text(&topology.join("core_cpus_list"))? {
            Some(list) => list,
            None => reading::text(&topology.join("thread_siblings_list"))?
                .ok_or_else(|| format!("the core of CPU {cpu} is not known"))?,
        };
        cores.insert(siblings);
    }
    Ok(cores.len() as u64)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// A root with those files and, for each group of siblings, the topology of its CPUs.
    fn root(files: &[(&str, &str)], siblings: &[&str]) -> tempfile::TempDir {
        let mut placed: Vec<(String, String)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        for list in siblings {
            for cpu in cpu_list::parse(list).unwrap() {
                placed.push((format!("{CPUS}/cpu{cpu}/topology/core_cpus_list"), format!("{list}\n")));
            }
        }
        let placed: Vec<_> = placed.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        reading::root_with(&placed)
    }

    fn kinds(performance: u64, efficiency: u64) -> CoreKinds {
        CoreKinds { performance: Fact::Value(performance), efficiency: Fact::Value(efficiency) }
    }

    const ONE_KIND: CoreKinds = CoreKinds { performance: Fact::Unsupported, efficiency: Fact::Unsupported };

    #[test]
    fn hybrid_processor_counts_cores_not_threads() {
        let files = [("sys/devices/cpu_core/cpus", "0-3\n"), ("sys/devices/cpu_atom/cpus", "4-7\n")];
        assert_eq!(core_kinds(root(&files, &["0-1", "2-3", "4", "5", "6", "7"]).path()), kinds(2, 4));
        let low = [files[0], files[1], ("sys/devices/cpu_lowpower/cpus", "8-9\n")];
        assert_eq!(core_kinds(root(&low, &["0-1", "2-3", "4", "5", "6", "7", "8", "9"]).path()), kinds(2, 6));
    }

    #[test]
    fn capacities_distinguish_big_and_little_cores() {
        let files = |slow: &'static str| {
            [
                ("sys/devices/system/cpu/online", "0-3\n"),
                ("sys/devices/system/cpu/cpu0/cpu_capacity", slow),
                ("sys/devices/system/cpu/cpu1/cpu_capacity", slow),
                ("sys/devices/system/cpu/cpu2/cpu_capacity", "1010"),
                ("sys/devices/system/cpu/cpu3/cpu_capacity", "1024"),
            ]
        };
        let cores = ["0", "1", "2", "3"];
        assert_eq!(core_kinds(root(&files("406"), &cores).path()), kinds(2, 2));
        assert_eq!(core_kinds(root(&files("1024"), &cores).path()), ONE_KIND);
        assert_eq!(
            core_kinds(root(&files("900"), &cores).path()),
            ONE_KIND,
            "another clock, but the same type of core"
        );
        let CoreKinds { performance, .. } = core_kinds(root(&files("small"), &cores).path());
        assert_eq!(performance, Fact::Failed("cannot parse the CPU capacity 'small'".into()));
    }

    #[test]
    fn unknown_core_types_are_not_guessed() {
        assert_eq!(core_kinds(root(&[], &["0", "1"]).path()), ONE_KIND);
        let files = [("sys/devices/cpu_core/cpus", "0-1\n"), ("sys/devices/cpu_atom/cpus", "2\n")];
        let CoreKinds { efficiency, .. } = core_kinds(root(&files, &["0-1"]).path());
        assert_eq!(efficiency, Fact::Failed("the core of CPU 2 is not known".into()));
    }
}
