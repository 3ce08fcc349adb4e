//! Processes by their names, and whether a number still belongs to the process that it belonged to.

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, UpdateKind};

use super::kind::stem;

/// A process as the system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedProcess {
    /// Its number.
    pub pid: u32,
    /// Its name, without folders.
    pub name: String,
    /// When it began, in seconds of Unix time. With the number it is one process and no other.
    pub started_s: u64,
    /// All of its pages that are in memory, in bytes.
    pub resident_bytes: u64,
}

/// All processes of that name, the oldest first. Case does not matter, and neither does `.exe`. Linux cuts names to 15 bytes;
/// the name of the program's file counts too.
///
/// # Errors
/// The system's word on why it lists none.
pub fn processes_named(name: &str) -> Result<Vec<NamedProcess>, String> {
    let system = listed(ProcessesToUpdate::All)?;
    let wanted = stem(name);
    let is_named = |process: &&Process| {
        let file = process.exe().and_then(|exe| exe.file_name()).map(|file| stem(&file.to_string_lossy()));
        stem(&process.name().to_string_lossy()) == wanted || file.as_deref() == Some(&*wanted)
    };
    let own = std::process::id();
    let mut found: Vec<NamedProcess> =
        system.processes().values().filter(is_named).map(described).filter(|process| process.pid != own).collect();
    found.sort_by_key(|process| (process.started_s, process.pid));
    Ok(found)
}

/// The process of that number; `None` if there is none.
///
/// # Errors
/// The system's word on why it lists none.
pub fn process_numbered(pid: u32) -> Result<Option<NamedProcess>, String> {
    let pid = Pid::from_u32(pid);
    Ok(listed(ProcessesToUpdate::Some(&[pid]))?.process(pid).map(described))
}

fn listed(which: ProcessesToUpdate<'_>) -> Result<System, String> {
    let mut system = System::new_with_specifics(RefreshKind::nothing()).map_err(|error| error.to_string())?;
    let wanted = ProcessRefreshKind::nothing().with_memory().with_exe(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(which, true, wanted);
    Ok(system)
}

fn described(process: &Process) -> NamedProcess {
    NamedProcess {
        pid: process.pid().as_u32(),
        name: process.name().to_string_lossy().into_owned(),
        started_s: process.start_time(),
        resident_bytes: process.memory(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_listed_by_its_number_and_no_other_name_finds_it() {
        let own = process_numbered(std::process::id()).unwrap().unwrap();
        assert!(own.resident_bytes > 0 && own.started_s > 0, "{own:?}");
        assert_eq!(processes_named("no process has this name").unwrap(), []);
    }
}
