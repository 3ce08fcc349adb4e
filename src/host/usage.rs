//! CPU time of this process so far. The figures are differences between two readings.

use crate::record::Fact;

/// CPU time of this process, user and system, of all its threads, including ended ones; in nanoseconds.
///
/// From the process's CPU clock, which has a resolution of a nanosecond on Linux and of a microsecond on macOS. Sums
/// over `/proc/self/task` would lose the time of each thread that ends between two readings, and `/proc/self/stat`
/// counts in ticks of 10 ms. Windows counts in timer ticks of up to 15.6 ms.
#[must_use]
#[cfg(unix)]
pub fn cpu_time_ns() -> Fact<u64> {
    use rustix::time::{ClockId, clock_gettime};

    let used = clock_gettime(ClockId::ProcessCPUTime);
    match (u64::try_from(used.tv_sec), u64::try_from(used.tv_nsec)) {
        (Ok(seconds), Ok(ns)) => Fact::Value(seconds.saturating_mul(1_000_000_000).saturating_add(ns)),
        _ => Fact::Failed(format!("the CPU clock has invalid values: {} s and {} ns", used.tv_sec, used.tv_nsec)),
    }
}

/// CPU time of this process, user and system, of all its threads, including ended ones; in nanoseconds, counted in
/// Windows's timer ticks of up to 15.6 ms.
#[must_use]
#[cfg(not(unix))]
pub fn cpu_time_ns() -> Fact<u64> {
    use sysinfo::ProcessRefreshKind;

    of_this_process(ProcessRefreshKind::nothing().with_cpu(), |process| process.accumulated_cpu_time() * 1_000_000)
}

/// The result of `question` for this process's entry in the system's list.
#[cfg(not(unix))]
fn of_this_process(wanted: sysinfo::ProcessRefreshKind, question: impl Fn(&sysinfo::Process) -> u64) -> Fact<u64> {
    use sysinfo::{ProcessesToUpdate, RefreshKind, System};

    let process = match sysinfo::get_current_pid() {
        Ok(process) => process,
        Err(error) => return Fact::Failed(error.to_string()),
    };
    let mut system = match System::new_with_specifics(RefreshKind::nothing()) {
        Ok(system) => system,
        Err(error) => return Fact::Failed(error.to_string()),
    };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[process]), false, wanted);
    match system.process(process) {
        Some(process) => Fact::Value(question(process)),
        None => Fact::Failed("the system does not list this process".into()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_includes_ended_threads() {
        let read = || cpu_time_ns().value().copied().unwrap();
        let before = read();
        let worker = std::thread::spawn(move || {
            while read() < before + 20_000_000 {
                std::hint::spin_loop();
            }
        });
        worker.join().unwrap();
        assert!(read() >= before + 20_000_000);
    }
}
