//! CPU time of another process, and how long its main thread waited for a CPU. Both are totals: figures are differences
//! of two readings.

use std::path::Path;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};

use super::super::reading;
use crate::host::ProcessEnded;
use crate::record::Fact;

/// Totals of a process so far.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessLoad {
    /// Its start, in seconds of Unix time. Together with the ID it identifies a process.
    pub started_s: u64,
    /// CPU time of all threads, user and system, in milliseconds.
    pub cpu_ms: u64,
    /// How long the main thread was runnable without a CPU, in nanoseconds. Linux only.
    pub main_wait_ns: Fact<u64>,
}

impl ProcessLoad {
    /// The totals of a process.
    ///
    /// # Errors
    /// If it does not exist.
    pub fn of(pid: u32) -> Result<Self, ProcessEnded> {
        let ended = || ProcessEnded { pid };
        let mut system = System::new_with_specifics(RefreshKind::nothing()).map_err(|_| ended())?;
        let id = Pid::from_u32(pid);
        let wanted = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[id]), true, wanted);
        let process = system.process(id).ok_or_else(ended)?;
        Ok(Self {
            started_s: process.start_time(),
            cpu_ms: process.accumulated_cpu_time(),
            main_wait_ns: main_wait_ns(Path::new("/"), pid),
        })
    }
}

/// The second field of the process's `schedstat`, which describes its first thread.
fn main_wait_ns(root: &Path, pid: u32) -> Fact<u64> {
    match reading::text(&root.join(format!("proc/{pid}/schedstat"))) {
        Ok(Some(text)) => match text.split_whitespace().nth(1).and_then(|field| field.parse().ok()) {
            Some(waited) => Fact::Value(waited),
            None => Fact::Failed(format!("cannot parse the scheduler's figures '{text}'")),
        },
        Ok(None) => Fact::Unsupported,
        Err(reason) => Fact::Failed(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::reading::root_with;

    #[test]
    fn main_thread_wait_is_the_second_field() {
        let root = root_with(&[("proc/7/schedstat", "1200 340000 17\n"), ("proc/8/schedstat", "none\n")]);
        assert_eq!(main_wait_ns(root.path(), 7), Fact::Value(340_000));
        assert!(matches!(main_wait_ns(root.path(), 8), Fact::Failed(_)));
        assert_eq!(main_wait_ns(root.path(), 9), Fact::Unsupported);
    }

    #[test]
    fn own_process_has_a_load_and_an_unused_id_has_none() {
        let own = ProcessLoad::of(std::process::id()).unwrap();
        assert!(own.started_s > 0);
        if cfg!(target_os = "linux") {
            assert!(own.main_wait_ns.value().is_some() || own.main_wait_ns == Fact::Unsupported, "{own:?}");
        }
        assert_eq!(ProcessLoad::of(u32::MAX - 7), Err(ProcessEnded { pid: u32::MAX - 7 }));
    }
}
