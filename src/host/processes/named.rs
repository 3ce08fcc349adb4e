//! Finds processes by name, and checks whether an ID still belongs to the same process.

use sysinfo::{Pid, Process, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, UpdateKind};

use super::kind::stem;

/// A process as the system lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedProcess {
    /// Its ID.
    pub pid: u32,
    /// Its name, without folders.
    pub name: String,
    /// Its start, in seconds of Unix time. Together with the ID it identifies a process.
    pub started_s: u64,
    /// All of its resident pages, in bytes.
    pub resident_bytes: u64,
}

/// All processes of that name, oldest first, ignoring case and `.exe`. Linux truncates names to 15 bytes; the name of
/// the program's file also counts.
///
/// # Errors
/// The system's error if it cannot list them.
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

/// The process with that ID; `None` if there is none.
///
/// # Errors
/// The system's error if it cannot list them.
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
    fn own_process_is_found_by_id_and_only_by_its_name() {
        let own = process_numbered(std::process::id()).unwrap().unwrap();
        assert!(own.resident_bytes > 0 && own.started_s > 0, "{own:?}");
        assert_eq!(processes_named("no process has this name").unwrap(), []);
    }
}
