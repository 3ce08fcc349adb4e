//! Other systems: the figures of sysinfo.

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use super::ProcessMemory;
use crate::record::Fact;

/// The resident size of a process; `None` if there is no such process.
pub(super) fn read(pid: u32) -> Option<ProcessMemory> {
    let mut system = match System::new_with_specifics(RefreshKind::nothing()) {
        Ok(system) => system,
        Err(sysinfo::Error::Unsupported) => return Some(ProcessMemory::without(&Fact::Unsupported)),
        Err(error) => return Some(ProcessMemory::without(&Fact::Failed(error.to_string()))),
    };
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(
        ProcessesToUpdate::Some(&[pid]),
        false,
        ProcessRefreshKind::nothing().with_memory(),
    );
    let resident_bytes = Fact::Value(system.process(pid)?.memory());
    Some(ProcessMemory { resident_bytes, ..ProcessMemory::without(&Fact::Unsupported) })
}
