//! Sends signals to processes.

use std::process::Command;

/// Sends a signal, such as `-TERM`.
pub(crate) fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success(), "{name} {pid}");
}

/// What Ctrl-C sends.
pub(crate) fn interrupt(pid: u32) {
    signal("-INT", pid);
}
