//! The system's process list, and readings of some of its processes.

use std::collections::HashMap;

use serde::Serialize;
use sysinfo::{
    CpuRefreshKind, MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, UpdateKind,
};

use super::{ProcessChoiceError, ProcessKind, ProcessQuery};
use crate::host::ProcessMemory;
use crate::record::Fact;

/// A process to be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct FoundProcess {
    /// Its ID.
    pub pid: u32,
    /// Its name, as the system has it.
    pub name: String,
    /// Its role.
    pub kind: ProcessKind,
}

/// The current use of resources of a process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProcessReading {
    /// The process.
    #[serde(flatten)]
    pub process: FoundProcess,
    /// Resident pages, in bytes, including a mapped model.
    pub resident_bytes: Fact<u64>,
    /// Anonymous memory, in bytes.
    pub anonymous_bytes: Fact<u64>,
    /// CPU use since the last reading, in percent of one CPU. Not measured at the first.
    pub cpu_percent: Fact<f64>,
    /// Threads.
    pub threads: Fact<u64>,
    /// Handles on Windows, file descriptors elsewhere.
    pub handles: Fact<u64>,
}

/// The processes of this machine.
#[derive(Debug)]
pub struct ProcessTable {
    /// Facts about the machine.
    system: Result<System, String>,
    /// The process list, new each time: a process that executes another program keeps its ID, and would keep its old
    /// name.
    list: Result<System, String>,
    /// Time of the last reading of each, in ns, and its CPU time then, in ms.
    last: HashMap<u32, (u64, u64)>,
    /// The same of every process, for the busiest ones.
    last_of_all: HashMap<u32, (u64, u64)>,
}

impl ProcessTable {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new() -> Self {
        let wanted = RefreshKind::nothing()
            .with_memory(MemoryRefreshKind::nothing().with_ram())
            .with_cpu(CpuRefreshKind::nothing().with_usage());
        let system = System::new_with_specifics(wanted).map_err(|error| error.to_string());
        Self {
            system,
            list: Err("the process list has not been read yet".into()),
            last: HashMap::new(),
            last_of_all: HashMap::new(),
        }
    }

    /// Reads the list again.
    pub fn refresh(&mut self) {
        let wanted = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_cmd(UpdateKind::Always)
            .with_exe(UpdateKind::Always)
            .without_tasks();
        self.list = System::new_with_specifics(RefreshKind::nothing()).map_err(|error| error.to_string());
        if let Ok(list) = &mut self.list {
            list.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        }
        if let Ok(system) = &mut self.system {
            system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
            system.refresh_cpu_usage();
        }
    }

    /// Those of Workly and Unity, in this order, including child processes.
    #[must_use]
    pub fn of_workly(&self) -> Vec<FoundProcess> {
        let Ok(system) = &self.list else { return Vec::new() };
        let own = std::process::id();
        let found = system.processes().iter().filter(|(pid, _)| pid.as_u32() != own).filter_map(|(pid, process)| {
            let name = process.name().to_string_lossy();
            let arguments: Vec<_> = process.cmd().iter().map(std::ffi::OsString::as_os_str).collect();
            let kind = ProcessKind::of(&name, process.exe(), &arguments)?;
            Some(FoundProcess { pid: pid.as_u32(), name: name.into_owned(), kind })
        });
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(|process| (process.kind, process.pid));
        found
    }

    /// The selected one.
    pub fn find(&self, query: &ProcessQuery) -> Result<FoundProcess, ProcessChoiceError> {
        let own = std::process::id();
        let named = |system: &System| -> Vec<(u32, String)> {
            let processes = system.processes().iter().filter(|(pid, _)| pid.as_u32() != own);
            processes.map(|(pid, process)| (pid.as_u32(), process.name().to_string_lossy().into_owned())).collect()
        };
        query.choose(&self.list.as_ref().map(named).unwrap_or_default())
    }

    /// The use of resources of a process at `now_ns` of the caller's clock; `None` if it has ended.
    pub fn look(&mut self, process: &FoundProcess, now_ns: u64) -> Option<ProcessReading> {
        let memory = ProcessMemory::of(process.pid).ok()?;
        let cpu_percent = match &self.list {
            Err(reason) => Fact::Failed(reason.clone()),
            Ok(system) => {
                let used_ms = system.process(sysinfo::Pid::from_u32(process.pid))?.accumulated_cpu_time();
                match self.last.insert(process.pid, (now_ns, used_ms)) {
                    None => Fact::NotMeasured,
                    Some((then_ns, before_ms)) => {
                        share(used_ms.saturating_sub(before_ms), now_ns.saturating_sub(then_ns))
                    }
                }
            }
        };
        Some(ProcessReading {
            process: process.clone(),
            resident_bytes: memory.resident_bytes,
            anonymous_bytes: memory.anonymous_bytes,
            cpu_percent,
            threads: memory.threads,
            handles: memory.handles,
        })
    }

    /// The `most` processes besides `others` that used the most CPU time since the last call, busiest first; at least 1 % of a
    /// CPU. None at the first call.
    pub fn busiest(&mut self, most: usize, others: &[FoundProcess], now_ns: u64) -> Vec<ProcessReading> {
        let Ok(system) = &self.list else { return Vec::new() };
        let own = std::process::id();
        let used = system.processes().iter().map(|(pid, process)| (pid.as_u32(), process.accumulated_cpu_time()));
        let now: HashMap<u32, (u64, u64)> = used.map(|(pid, used_ms)| (pid, (now_ns, used_ms))).collect();
        let before = std::mem::replace(&mut self.last_of_all, now);
        let busy = |(pid, (_, used_ms)): (&u32, &(u64, u64))| {
            let (then_ns, before_ms) = before.get(pid)?;
            let percent = *share(used_ms.saturating_sub(*before_ms), now_ns.saturating_sub(*then_ns)).value()?;
            let counts = percent >= 1.0 && *pid != own && !others.iter().any(|other| other.pid == *pid);
            counts.then_some((*pid, percent))
        };
        let mut busy: Vec<(u32, f64)> = self.last_of_all.iter().filter_map(busy).collect();
        busy.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let look = |(pid, percent): (u32, f64)| {
            let memory = ProcessMemory::of(pid).ok()?;
            let name = system.process(sysinfo::Pid::from_u32(pid))?.name().to_string_lossy().into_owned();
            Some(ProcessReading {
                process: FoundProcess { pid, name, kind: ProcessKind::Other },
                resident_bytes: memory.resident_bytes,
                anonymous_bytes: memory.anonymous_bytes,
                cpu_percent: Fact::Value(percent),
                threads: memory.threads,
                handles: memory.handles,
            })
        };
        busy.into_iter().filter_map(look).take(most).collect()
    }

    /// Total memory of the machine in bytes, and what programs can still allocate.
    #[must_use]
    pub fn machine_memory(&self) -> (Fact<u64>, Fact<u64>) {
        match &self.system {
            Err(reason) => (Fact::Failed(reason.clone()), Fact::Failed(reason.clone())),
            Ok(system) => match (system.total_memory(), system.available_memory()) {
                (0, _) => (Fact::Unsupported, Fact::Unsupported),
                // It is 0 if it is not reported; a machine without any memory left could not run this.
                (total, 0) => (Fact::Value(total), Fact::Unsupported),
                (total, available) => (Fact::Value(total), Fact::Value(available)),
            },
        }
    }

    /// Use of all CPUs since the last reading, in percent. The first reading has no reference.
    #[must_use]
    pub fn machine_cpu_percent(&self, looks: u64) -> Fact<f64> {
        match &self.system {
            Err(reason) => Fact::Failed(reason.clone()),
            Ok(_) if looks < 2 => Fact::NotMeasured,
            Ok(system) => Fact::Value(f64::from(system.global_cpu_usage())),
        }
    }
}

impl Default for ProcessTable {
    fn default() -> Self {
        Self::new()
    }
}

/// CPU time over wall time, in percent.
fn share(used_ms: u64, wall_ns: u64) -> Fact<f64> {
    if wall_ns > 0 { Fact::Value(1e8 * used_ms as f64 / wall_ns as f64) } else { Fact::NotMeasured }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_is_found_read_and_then_gone() {
        let mut child = std::process::Command::new(if cfg!(windows) { "cmd" } else { "cat" })
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let mut processes = ProcessTable::new();
        processes.refresh();
        let found = processes.find(&ProcessQuery::Pid(child.id())).unwrap();
        assert_eq!(found.kind, ProcessKind::Named);
        let first = processes.look(&found, 0).unwrap();
        assert_eq!(first.cpu_percent, Fact::NotMeasured);
        assert!(first.resident_bytes.value() > Some(&0), "{first:?}");
        processes.refresh();
        assert!(processes.look(&found, 1_000_000).unwrap().cpu_percent.value().is_some());
        drop(child.stdin.take());
        child.wait().unwrap();
        processes.refresh();
        assert_eq!(processes.look(&found, 2_000_000), None);
    }

    #[test]
    fn own_process_is_never_selected() {
        let mut processes = ProcessTable::new();
        processes.refresh();
        assert!(processes.find(&ProcessQuery::Pid(std::process::id())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn busy_process_is_among_the_busiest_unless_it_is_excluded() {
        let mut child = std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let mut processes = ProcessTable::new();
        processes.refresh();
        assert_eq!(processes.busiest(50, &[], 0), []);
        // Until it has had some CPU time, however busy the machine is; its share is that of a nanosecond.
        let mut found = Vec::new();
        for at_ns in 1..1_000 {
            std::thread::sleep(std::time::Duration::from_millis(10));
            processes.refresh();
            found = processes.busiest(usize::MAX, &[], at_ns);
            if found.iter().any(|look| look.process.pid == child.id()) {
                break;
            }
        }
        let look = found.iter().find(|look| look.process.pid == child.id()).unwrap().clone();
        assert_eq!(look.process.kind, ProcessKind::Other);
        assert!(found.is_sorted_by(|a, b| a.cpu_percent.value() >= b.cpu_percent.value()));
        let again = processes.busiest(usize::MAX, &[look.process], 1_000);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(again.iter().all(|look| look.process.pid != child.id()));
    }

    #[test]
    fn cpu_percent_is_relative_to_one_cpu() {
        assert_eq!(share(500, 1_000_000_000), Fact::Value(50.0));
        assert_eq!(share(4_000, 2_000_000_000), Fact::Value(200.0));
        assert_eq!(share(0, 0), Fact::NotMeasured);
    }
}
