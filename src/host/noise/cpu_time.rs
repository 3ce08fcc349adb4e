//! CPU time as the kernel counts it, in ticks: of the CPUs that this process may run on, and of processes. On Windows a
//! tick is 100 ns, and the CPUs are all of the machine.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::{cpu_list, process_status, reading, topology, win32};

/// Ticks of several CPUs together since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CpuTicks {
    /// Number of CPUs.
    pub(super) cpus: u64,
    /// Ticks in which they computed.
    pub(super) busy: u64,
    /// Ticks that the hypervisor took for other machines.
    pub(super) stolen: u64,
    /// All ticks.
    pub(super) total: u64,
}

/// The ticks of the CPUs that this process may use; `None` on other systems. `root` is the root of the file system.
pub(super) fn of_cpus(root: &Path) -> Result<Option<CpuTicks>, String> {
    // Windows does not report the hypervisor's share: it counts as busy or idle.
    if let Some((busy, total)) = win32::system_times()? {
        let cpus = topology::read(root).logical_cpus;
        let cpus = cpus.value().copied().ok_or_else(|| cpus.missing().unwrap_or_default())?;
        return Ok(Some(CpuTicks { cpus, busy, stolen: 0, total }));
    }
    let Some(text) = reading::text(&root.join("proc/stat"))? else { return Ok(None) };
    let allowed = match process_status::field(root, "Cpus_allowed_list")? {
        Some(list) => Some(cpu_list::parse(&list)?),
        None => None,
    };
    let sum = sum_of(&text, allowed.as_ref());
    if sum.cpus == 0 || sum.total == 0 {
        return Err("the kernel's CPU counters are empty".into());
    }
    Ok(Some(sum))
}

/// The sum of the lines `cpuN user nice system idle iowait irq softirq steal guest guest_nice`. Guest time is already
/// included in user and nice; waiting for a disk is idle time.
fn sum_of(text: &str, allowed: Option<&BTreeSet<u32>>) -> CpuTicks {
    let mut sum = CpuTicks::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let number = words.next().and_then(|name| name.strip_prefix("cpu")?.parse::<u32>().ok());
        let Some(number) = number else { continue };
        if allowed.is_some_and(|allowed| !allowed.contains(&number)) {
            continue;
        }
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        let at = |place: usize| ticks.get(place).copied().unwrap_or(0);
        let busy = at(0) + at(1) + at(2) + at(5) + at(6);
        sum.cpus += 1;
        sum.busy += busy;
        sum.stolen += at(7);
        sum.total += busy + at(3) + at(4) + at(7);
    }
    sum
}

/// Ticks of this process and of its children that have been waited for.
pub(super) fn of_this_process(root: &Path) -> Result<Option<u64>, String> {
    if cfg!(windows) { win32::own_time() } else { of_stat(root, "self", 4) }
}

/// Ticks of another process; `None` if there is no process with that ID.
pub(super) fn of_process(root: &Path, pid: u32) -> Result<Option<u64>, String> {
    if cfg!(windows) { win32::process_time(pid) } else { of_stat(root, &pid.to_string(), 2) }
}

/// The sum of the first `fields` of utime, stime, cutime and cstime. The process's name, in brackets, may contain
/// anything.
fn of_stat(root: &Path, process: &str, fields: usize) -> Result<Option<u64>, String> {
    let Some(text) = reading::text(&root.join("proc").join(process).join("stat"))? else { return Ok(None) };
    let after_name = text.rsplit_once(')').map(|(_, after)| after).unwrap_or_default();
    let ticks: Vec<u64> =
        after_name.split_whitespace().skip(11).take(fields).map_while(|word| word.parse().ok()).collect();
    if ticks.len() == fields {
        Ok(Some(ticks.iter().sum()))
    } else {
        Err("cannot parse the CPU time of a process".into())
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use reading::root_with;

    const STAT: &str = "cpu  0 0 0 0\ncpu0 10 1 5 100 7 2 3 4 9 9\ncpu1 20 0 0 50 0 0 0 0 0 0\nintr 1\n";

    #[test]
    fn only_usable_cpus_are_counted() {
        let both = root_with(&[("proc/stat", STAT)]);
        let all = of_cpus(both.path()).unwrap().unwrap();
        assert_eq!(all, CpuTicks { cpus: 2, busy: 41, stolen: 4, total: 202 });
        let first = root_with(&[("proc/stat", STAT), ("proc/self/status", "Cpus_allowed_list:\t0\n")]);
        assert_eq!(of_cpus(first.path()).unwrap().unwrap(), CpuTicks { cpus: 1, busy: 21, stolen: 4, total: 132 });
        assert_eq!(of_cpus(root_with(&[]).path()), Ok(None));
        assert!(of_cpus(root_with(&[("proc/stat", "intr 1\n")]).path()).is_err());
    }

    #[test]
    fn process_names_do_not_disturb_parsing() {
        let stat = "7 (odd) name) 5 (x) S 1 1 1 0 -1 4194304 100 0 0 0 30 12 5 3 20 0 1 0 9 9 9";
        let root = root_with(&[("proc/self/stat", stat), ("proc/7/stat", stat)]);
        assert_eq!(of_this_process(root.path()), Ok(Some(50)));
        assert_eq!(of_process(root.path(), 7), Ok(Some(42)));
        assert_eq!(of_process(root.path(), 8), Ok(None));
        assert!(of_process(root_with(&[("proc/9/stat", "9 (x) S 1")]).path(), 9).is_err());
    }
}
