//! What this process has used so far: CPU time and memory. Differences between two readings are the figures.

use std::path::Path;

use super::process_status;
use crate::record::Fact;

/// CPU time of this process, user and system, of all its threads, also those that have ended; in nanoseconds.
///
/// Read from the process's CPU clock, which the kernel keeps to the nanosecond on Linux and to the microsecond on macOS. The
/// sums over `/proc/self/task` would lose the time of each thread that ends between two readings, and `/proc/self/stat`
/// counts in ticks of 10 ms. Windows counts in its timer's ticks, of up to 15.6 ms.
#[must_use]
#[cfg(unix)]
pub fn cpu_time_ns() -> Fact<u64> {
    use rustix::time::{ClockId, clock_gettime};

    let used = clock_gettime(ClockId::ProcessCPUTime);
    match (u64::try_from(used.tv_sec), u64::try_from(used.tv_nsec)) {
        (Ok(seconds), Ok(ns)) => Fact::Value(seconds.saturating_mul(1_000_000_000).saturating_add(ns)),
        _ => Fact::Failed(format!("the CPU clock reads {} s and {} ns", used.tv_sec, used.tv_nsec)),
    }
}

/// CPU time of this process, user and system, of all its threads, also those that have ended; in nanoseconds, counted in
/// ticks of Windows's timer, of up to 15.6 ms.
#[must_use]
#[cfg(not(unix))]
pub fn cpu_time_ns() -> Fact<u64> {
    use sysinfo::ProcessRefreshKind;

    of_this_process(ProcessRefreshKind::nothing().with_cpu(), |process| process.accumulated_cpu_time() * 1_000_000)
}

/// Memory of this process that no file backs, in bytes: a memory-mapped model is not in it.
///
/// On Linux what of it is resident (`RssAnon`), on Windows the private bytes; macOS does not tell.
#[must_use]
pub fn anonymous_bytes() -> Fact<u64> {
    if cfg!(target_os = "linux") { resident_anonymous(Path::new("/")) } else { private_bytes() }
}

/// `RssAnon`, which kernels before 4.5 do not have.
fn resident_anonymous(root: &Path) -> Fact<u64> {
    match process_status::field(root, "RssAnon") {
        Ok(None) => Fact::Unsupported,
        Ok(Some(text)) => match kib(&text) {
            Some(bytes) => Fact::Value(bytes),
            None => Fact::Failed(format!("the anonymous memory '{text}' is not understood")),
        },
        Err(reason) => Fact::Failed(reason),
    }
}

/// Bytes in `123 kB`, by which the kernel means KiB.
fn kib(text: &str) -> Option<u64> {
    text.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(windows)]
fn private_bytes() -> Fact<u64> {
    // On Windows alone, what sysinfo calls virtual memory is the private bytes (PrivateUsage).
    of_this_process(sysinfo::ProcessRefreshKind::nothing().with_memory(), sysinfo::Process::virtual_memory)
}

#[cfg(not(windows))]
fn private_bytes() -> Fact<u64> {
    Fact::Unsupported
}

/// What `question` finds in this process's own entry of the system's list.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_kilobytes_are_kib() {
        assert_eq!(kib("160 kB"), Some(163_840));
        assert_eq!(kib("0 kB"), Some(0));
        assert_eq!(kib("160"), None);
        assert_eq!(kib("18446744073709551615 kB"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn anonymous_memory_is_read_or_said_to_be_missing() {
        use crate::host::reading::root_with;
        let status = |text| root_with(&[("proc/self/status", text)]);
        assert_eq!(resident_anonymous(status("RssAnon:\t 8 kB\nRssFile:\t 99 kB\n").path()), Fact::Value(8192));
        assert_eq!(resident_anonymous(status("VmRSS:\t 8 kB\n").path()), Fact::Unsupported);
        assert_eq!(resident_anonymous(root_with(&[]).path()), Fact::Unsupported);
        assert_eq!(
            resident_anonymous(status("RssAnon:\t lots\n").path()),
            Fact::Failed("the anonymous memory 'lots' is not understood".into())
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_that_is_touched_is_counted() {
        let before = anonymous_bytes().value().copied().unwrap();
        let kept = vec![1_u8; 64 << 20];
        let after = anonymous_bytes().value().copied().unwrap();
        assert!(after >= before + (32 << 20), "{before} then {after}, with {} more", std::hint::black_box(&kept).len());
    }

    #[cfg(unix)]
    #[test]
    fn the_time_of_threads_that_have_ended_stays_counted() {
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
