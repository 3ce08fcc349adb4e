//! Console events and process exit on Windows.
#![allow(unsafe_code)]

use std::io;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

/// Longer than Windows waits for a program whose console was closed (5 s).
const UNTIL_ENDED: Duration = Duration::from_secs(60);

pub(super) struct CaughtSignals;

impl CaughtSignals {
    pub(super) fn catch() -> io::Result<Self> {
        // SAFETY: the handler is a function for the life of the process and touches no memory.
        if unsafe { SetConsoleCtrlHandler(Some(on_event), 1) } == 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self)
    }
}

/// All processes of the console receive the event, including the child, which handles it by itself.
unsafe extern "system" fn on_event(event: u32) -> BOOL {
    if matches!(event, CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT) {
        // Windows ends the process as soon as this returns: the child may need the time.
        thread::sleep(UNTIL_ENDED);
    }
    1
}

pub(super) fn supervise(mut child: Child, _: CaughtSignals) -> io::Result<ExitStatus> {
    child.wait()
}

pub(super) fn end_as(status: ExitStatus) -> ! {
    std::process::exit(status.code().unwrap_or(1));
}
