//! Signals and process exit on Unix.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::low_level::emulate_default_handler;

/// Signals that are passed on. Those that stop and continue a process keep their default effect.
const PASSED_ON: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

pub(super) struct CaughtSignals(SignalsInfo<WithOrigin>);

impl CaughtSignals {
    pub(super) fn catch() -> io::Result<Self> {
        // Ignored signals stay ignored in both processes: a caught one would have its default effect in the child.
        let wanted = PASSED_ON.into_iter().filter(|signal| !is_ignored(*signal)).chain([SIGCHLD]);
        SignalsInfo::new(wanted).map(Self)
    }
}

pub(super) fn supervise(mut child: Child, signals: CaughtSignals) -> io::Result<ExitStatus> {
    let CaughtSignals(mut signals) = signals;
    loop {
        // The process ID is only released here, so no signal below can reach another process.
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        for origin in signals.wait() {
            // The terminal signals all foreground processes, including the child. Passing it on would be a second Ctrl-C.
            let is_ours_alone = origin.process.is_some();
            if origin.signal != SIGCHLD && is_ours_alone {
                pass_on(&child, origin.signal);
            }
        }
    }
}

/// Sends the child a signal, unless it has ended.
fn pass_on(child: &Child, signal: i32) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let (Some(pid), Some(signal)) = (pid, Signal::from_named_raw(signal)) {
        let _ = kill_process(pid, signal);
    }
}

pub(super) fn end_as(status: ExitStatus) -> ! {
    if let Some(signal) = status.signal() {
        // The child has already written the core dump, if any.
        let limit = getrlimit(Resource::Core);
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..limit });
        let _ = emulate_default_handler(signal);
        std::process::exit(128 + signal);
    }
    std::process::exit(status.code().unwrap_or(1));
}

/// Whether the process was started with this signal ignored, as `nohup` does.
#[cfg(any(target_os = "linux", target_os = "macos"))]
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    #![allow(unsafe_code)]
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action, sigaction only fills the structure that it is handed; it is read after success alone.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Not known on this system.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
#[must_use]
pub fn is_ignored(_: i32) -> bool {
    false
}
