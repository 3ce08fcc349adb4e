//! Signals of Unix.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::launch::is_ignored;
use crate::studies::Interruption;

/// Calls `heard` for each signal that requests the end of the process, on a separate thread. If the parent process had
/// SIGHUP ignored, as `nohup` does, it stays ignored.
pub(super) fn listen(heard: impl Fn(Interruption) + Send + 'static) -> io::Result<()> {
    let wanted = [SIGINT, SIGTERM].into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP));
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
