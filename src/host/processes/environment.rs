//! One variable of a process's environment.

use std::ffi::OsString;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System, UpdateKind};

/// The value of a variable in the environment that a process was started with; `None` if it is not set.
///
/// # Errors
/// Why the environment cannot be read.
pub fn variable_of(pid: u32, name: &str) -> Result<Option<OsString>, String> {
    let mut system = System::new_with_specifics(RefreshKind::nothing()).map_err(|error| error.to_string())?;
    let wanted = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks();
    let pid = Pid::from_u32(pid);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
    let Some(process) = system.process(pid) else { return Err("the process has ended".into()) };
    let environment = process.environ();
    if environment.is_empty() {
        return Err("the system does not show its environment".into());
    }
    let value = environment.iter().find_map(|entry| {
        let entry = entry.to_str()?;
        entry.strip_prefix(name)?.strip_prefix('=').map(OsString::from)
    });
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(target_os = "linux", windows))]
    #[test]
    fn variable_of_another_process_is_read() {
        let mut child = std::process::Command::new(if cfg!(windows) { "cmd" } else { "cat" })
            .env("WORKLY_PERF_OF_A_TEST", "a = b")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // For a moment after its start, a process has no environment.
        let is_shown = || variable_of(child.id(), "WORKLY_PERF_OF_A_TEST").is_ok();
        for _ in 0..500 {
            if is_shown() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let read = |name| variable_of(child.id(), name);
        let found = (read("WORKLY_PERF_OF_A_TEST"), read("WORKLY_PERF_OF"));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(found, (Ok(Some("a = b".into())), Ok(None)));
    }
}
