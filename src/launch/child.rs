//! The child: it keeps the terminal, gets the signals that are meant for it, and its end becomes ours.

use std::io;
use std::process::{Child, ExitStatus};

#[cfg(unix)]
use super::child_unix as system;
#[cfg(windows)]
use super::child_windows as system;

/// The signals of this process, caught so that they reach the child. Caught before the child starts: none is missed.
pub struct ChildSignals(pub(super) system::CaughtSignals);

impl ChildSignals {
    /// Catches them from here on.
    ///
    /// # Errors
    /// The system's answer where it does not let them be caught.
    pub fn catch() -> io::Result<Self> {
        system::CaughtSignals::catch().map(Self)
    }
}

/// Waits for the end of the child, and passes on what is sent to this process alone. Signals of the terminal reach the child
/// without us.
///
/// # Errors
/// The system's answer where the child cannot be waited for.
pub fn supervise(child: Child, signals: ChildSignals) -> io::Result<ExitStatus> {
    system::supervise(child, signals.0)
}

/// Ends this process as the child has ended: with its exit code, or by the signal that killed it.
pub fn end_as(status: ExitStatus) -> ! {
    system::end_as(status)
}
