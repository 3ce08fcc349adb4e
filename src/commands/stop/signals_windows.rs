//! Console events of Windows.
#![allow(unsafe_code)]

use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_CLOSE_EVENT, CTRL_LOGOFF_EVENT, CTRL_SHUTDOWN_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

use crate::studies::Interruption;

/// Longer than Windows waits for a program whose console was closed (5 s).
const UNTIL_ENDED: Duration = Duration::from_secs(60);

static HEARD: OnceLock<Box<dyn Fn(Interruption) + Send + Sync>> = OnceLock::new();

/// Calls `heard` for each console event that requests the end of the process, on a system thread.
pub(super) fn listen(heard: impl Fn(Interruption) + Send + Sync + 'static) -> io::Result<()> {
    // Called once per process; a second call would keep the first listener.
    let _ = HEARD.set(Box::new(heard));
    // SAFETY: the handler exists for the life of the process and only uses data that threads may share.
    if unsafe { SetConsoleCtrlHandler(Some(on_event), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

unsafe extern "system" fn on_event(event: u32) -> BOOL {
    let reason = match event {
        CTRL_CLOSE_EVENT => Interruption::TerminalClosed,
        CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT => Interruption::Terminated,
        _ => Interruption::CtrlC,
    };
    if let Some(heard) = HEARD.get() {
        heard(reason);
    }
    if matches!(event, CTRL_CLOSE_EVENT | CTRL_LOGOFF_EVENT | CTRL_SHUTDOWN_EVENT) {
        // Windows ends the process when this returns; meanwhile the record is completed.
        thread::sleep(UNTIL_ENDED);
    }
    1
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use windows_sys::Win32::System::Console::CTRL_BREAK_EVENT;

    use super::*;

    #[test]
    fn closing_console_is_reported_and_the_process_kept_for_the_record() {
        let (tell, told) = mpsc::channel();
        let _ = HEARD.set(Box::new(move |reason| tell.send(reason).unwrap()));
        // SAFETY: the handler takes a number.
        assert_eq!(unsafe { on_event(CTRL_BREAK_EVENT) }, 1);
        assert_eq!(told.recv().unwrap(), Interruption::CtrlC);
        // SAFETY: as above.
        let closing = thread::spawn(|| unsafe { on_event(CTRL_CLOSE_EVENT) });
        assert_eq!(told.recv().unwrap(), Interruption::TerminalClosed);
        assert!(!closing.is_finished(), "Windows ends the process once the handler returns");
    }
}
