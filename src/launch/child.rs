//! The child process: it has the terminal, it receives the signals meant for it, and this process ends as it did.

use std::io;
use std::process::{Child, ExitStatus};

#[cfg(unix)]
use super::child_unix as system;
#[cfg(windows)]
use super::child_windows as system;

/// The signals of this process, caught so that they reach the child. Caught before the child starts: none is missed.
pub struct ChildSignals(pub(super) system::CaughtSignals);

impl ChildSignals {
    /// Catches them from now on.
    ///
    /// # Errors
    /// The system's error if they cannot be caught.
    pub fn catch() -> io::Result<Self> {
        system::CaughtSignals::catch().map(Self)
    }
}

/// Waits for the child to end, and passes on signals that are sent to this process only. Signals from the terminal reach the
/// child directly.
///
/// # Errors
/// The system's error if it cannot wait.
pub fn supervise(child: Child, signals: ChildSignals) -> io::Result<ExitStatus> {
    system::supervise(child, signals.0)
}

/// Ends this process as the child ended: with its exit code, or by the signal that killed it.
pub fn end_as(status: ExitStatus) -> ! {
    system::end_as(status)
}
