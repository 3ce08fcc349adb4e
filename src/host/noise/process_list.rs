//! CPU time of all listed processes, for systems whose kernel does not report it per CPU. The time of a process that
//! ends between two readings is lost: the result is a lower bound.

use std::collections::{BTreeSet, HashMap};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

/// A process, by ID and start time, because IDs are reused.
type ProcessKey = (u32, u64);

/// CPU time of a process, and its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ProcessUse {
    cpu_ms: u64,
    parent: Option<u32>,
}

/// One reading of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProcessTimes(HashMap<ProcessKey, ProcessUse>);

impl ProcessTimes {
    /// Reads it.
    pub(super) fn read() -> Result<Self, String> {
        let mut system = System::new_with_specifics(RefreshKind::nothing()).map_err(|error| error.to_string())?;
        let wanted = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        let of = system.processes().iter().map(|(pid, process)| {
            let used = ProcessUse {
                cpu_ms: process.accumulated_cpu_time(),
                parent: process.parent().map(sysinfo::Pid::as_u32),
            };
            ((pid.as_u32(), process.start_time()), used)
        });
        Ok(Self(of.collect()))
    }

    /// CPU time of all processes since `before`, in ms, without those whose IDs are in `own` and their children.
    pub(super) fn others_ms_since(&self, before: &Self, own: &BTreeSet<u32>) -> u64 {
        let parents: HashMap<u32, Option<u32>> = self.0.iter().map(|((pid, _), used)| (*pid, used.parent)).collect();
        let others = self.0.iter().filter(|((pid, _), _)| !descends(*pid, own, &parents));
        others.map(|(key, used)| used.cpu_ms.saturating_sub(before.0.get(key).map_or(0, |before| before.cpu_ms))).sum()
    }
}

/// Whether a process is one of those, or a descendant.
fn descends(pid: u32, own: &BTreeSet<u32>, parents: &HashMap<u32, Option<u32>>) -> bool {
    let chain = std::iter::successors(Some(pid), |pid| parents.get(pid).copied().flatten());
    // No chain is longer than the list; a list that changed while it was read may have a cycle.
    chain.take(parents.len() + 1).any(|pid| own.contains(&pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(processes: &[(u32, u64, Option<u32>)]) -> ProcessTimes {
        let of = |&(pid, cpu_ms, parent): &(u32, u64, Option<u32>)| ((pid, 1), ProcessUse { cpu_ms, parent });
        ProcessTimes(processes.iter().map(of).collect())
    }

    #[test]
    fn others_exclude_own_processes_and_their_children() {
        let before = list(&[(1, 100, None), (5, 50, Some(1)), (6, 0, Some(5))]);
        let after = list(&[(1, 130, None), (5, 950, Some(1)), (6, 400, Some(5)), (7, 30, Some(6)), (8, 20, Some(1))]);
        assert_eq!(after.others_ms_since(&before, &BTreeSet::from([5])), 30 + 20);
        assert_eq!(after.others_ms_since(&before, &BTreeSet::from([5, 8])), 30);
        let ring = list(&[(2, 5, Some(3)), (3, 5, Some(2))]);
        assert_eq!(ring.others_ms_since(&ProcessTimes::default(), &BTreeSet::from([9])), 10);
    }

    #[test]
    fn list_contains_this_process() {
        let read = ProcessTimes::read().unwrap();
        assert!(read.0.keys().any(|(pid, _)| *pid == std::process::id()));
    }
}
