//! Signals of Unix.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::studies::Interruption;

/// Calls `heard` for each signal that asks the process to end, on a thread of its own. A SIGHUP that whoever started the
/// process has it ignore, as `nohup` does, stays ignored.
pub(super) fn listen(heard: impl Fn(Interruption) + Send + 'static) -> io::Result<()> {
    let wanted = [SIGINT, SIGTERM].into_iter().chain((!ignores_hang_up()).then_some(SIGHUP));
    let mut signals = Signals::new(wanted)?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            heard(match signal {
                SIGTERM => Interruption::Terminated,
                SIGHUP => Interruption::HungUp,
                _ => Interruption::CtrlC,
            });
        }
    })?;
    Ok(())
}

/// Whether SIGHUP is ignored at this moment.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn ignores_hang_up() -> bool {
    #![allow(unsafe_code)]
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: with no new action, sigaction only fills the structure that it is handed; it is read after success alone.
    unsafe {
        libc::sigaction(SIGHUP, std::ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Not known on this system.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn ignores_hang_up() -> bool {
    false
}
