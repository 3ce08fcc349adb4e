//! Work at a lowered priority.
#![allow(unsafe_code)]

use std::io;

use crate::record::{Fact, Priority};

/// The nice value of [`Priority::Low`]: above 10, a busy machine may give the model next to nothing.
#[cfg(unix)]
const LOW_NICE: i32 = 10;

/// Whether this system supports lower priorities for the threads of a program.
#[must_use]
pub const fn has_priorities() -> bool {
    cfg!(any(target_os = "linux", target_os = "android", target_os = "macos", windows))
}

/// Runs `work` at a priority, on a separate thread if the priority is lowered: threads that it starts inherit it, and
/// the caller keeps its own.
///
/// # Errors
/// If the system does not allow it or has no such priority; then `work` did not run.
#[cfg(unix)]
pub fn run_at<T: Send>(priority: Priority, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    if priority == Priority::Normal {
        return Ok(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name(format!("{} priority", priority.name()))
            .spawn_scoped(scope, move || lower_this_thread(priority).map(|()| work()))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Lowers the priority of the calling thread permanently.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn lower_this_thread(priority: Priority) -> io::Result<()> {
    let status = match priority {
        Priority::Normal => 0,
        // SAFETY: both only take numbers. On Linux, 0 is the calling thread, and the nice value is per thread. A higher
        // nice value is kept.
        Priority::Low => unsafe {
            libc::setpriority(libc::PRIO_PROCESS, 0, LOW_NICE.max(libc::getpriority(libc::PRIO_PROCESS, 0)))
        },
        Priority::Idle => {
            let parameters = libc::sched_param { sched_priority: 0 };
            // SAFETY: the parameters exist during the call.
            unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) }
        }
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lowers the priority of the calling thread permanently, by its quality of service.
#[cfg(target_os = "macos")]
fn lower_this_thread(priority: Priority) -> io::Result<()> {
    let class = match priority {
        Priority::Normal => return Ok(()),
        Priority::Low => libc::qos_class_t::QOS_CLASS_UTILITY,
        Priority::Idle => libc::qos_class_t::QOS_CLASS_BACKGROUND,
    };
    // SAFETY: it takes a class and a number, and only changes the calling thread.
    let status = unsafe { libc::pthread_set_qos_class_self_np(class, 0) };
    if status == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(status)) }
}

/// Not known on this system.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android", target_os = "macos"))))]
fn lower_this_thread(_: Priority) -> io::Result<()> {
    let _ = LOW_NICE;
    Err(io::ErrorKind::Unsupported.into())
}

/// The same on Windows, where the priority belongs to the process: threads do not inherit that of a thread. It is
/// restored afterwards.
#[cfg(windows)]
pub fn run_at<T: Send>(priority: Priority, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    use windows_sys::Win32::System::Threading::{
        BELOW_NORMAL_PRIORITY_CLASS, GetCurrentProcess, GetPriorityClass, IDLE_PRIORITY_CLASS, NORMAL_PRIORITY_CLASS,
        SetPriorityClass,
    };
    let class = match priority {
        Priority::Normal => NORMAL_PRIORITY_CLASS,
        Priority::Low => BELOW_NORMAL_PRIORITY_CLASS,
        Priority::Idle => IDLE_PRIORITY_CLASS,
    };
    // SAFETY: the pseudo handle of this process is always valid.
    let (process, before) = unsafe { (GetCurrentProcess(), GetPriorityClass(GetCurrentProcess())) };
    if priority == Priority::Normal || before == class {
        return Ok(work());
    }
    let set = |class| {
        // SAFETY: as above.
        if unsafe { SetPriorityClass(process, class) } == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    };
    set(class)?;
    let done = work();
    set(before)?;
    Ok(done)
}

/// Whether Linux groups processes by session for its scheduler (`sched_autogroup`): then a nice value only counts against
/// programs of the same session, not against a scene that the desktop started.
#[must_use]
pub fn autogroup() -> Fact<bool> {
    if !cfg!(target_os = "linux") {
        return Fact::Unsupported;
    }
    match std::fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled") {
        Ok(text) => Fact::Value(text.trim() == "1"),
        // A kernel without it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Fact::Value(false),
        Err(error) => Fact::Failed(error.to_string()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn nice_and_policy() -> (i32, i32) {
        // SAFETY: 0 is the calling thread in both.
        unsafe { (libc::getpriority(libc::PRIO_PROCESS, 0), libc::sched_getscheduler(0)) }
    }

    #[test]
    fn work_and_its_threads_run_lowered_but_not_the_caller() {
        let before = nice_and_policy();
        for (priority, expected) in
            [(Priority::Low, (LOW_NICE.max(before.0), before.1)), (Priority::Idle, (before.0, libc::SCHED_IDLE))]
        {
            let (own, inherited) =
                run_at(priority, || (nice_and_policy(), std::thread::spawn(nice_and_policy).join().unwrap())).unwrap();
            assert_eq!((own, inherited), (expected, expected), "{priority:?}");
            assert_eq!(nice_and_policy(), before);
        }
        assert_eq!(run_at(Priority::Normal, nice_and_policy).unwrap(), before);
    }
}

#[cfg(all(test, windows))]
mod tests {
    use windows_sys::Win32::System::Threading::{
        BELOW_NORMAL_PRIORITY_CLASS, GetCurrentProcess, GetPriorityClass, IDLE_PRIORITY_CLASS,
    };

    use super::*;

    fn class() -> u32 {
        // SAFETY: the pseudo handle of this process is always valid.
        unsafe { GetPriorityClass(GetCurrentProcess()) }
    }

    #[test]
    fn work_runs_in_a_lower_class_which_is_restored() {
        let before = class();
        for (priority, lowered) in [(Priority::Low, BELOW_NORMAL_PRIORITY_CLASS), (Priority::Idle, IDLE_PRIORITY_CLASS)]
        {
            assert_eq!(run_at(priority, class).unwrap(), lowered, "{priority:?}");
            assert_eq!(class(), before);
        }
        assert_eq!(run_at(Priority::Normal, class).unwrap(), before);
    }
}
