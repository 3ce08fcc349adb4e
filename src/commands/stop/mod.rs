//! Ending early: which signal asked for it, and the flag that everything that takes time looks at.

#[cfg(unix)]
mod signals_unix;
#[cfg(windows)]
mod signals_windows;
mod stopping;

pub(super) use stopping::{listen, note};
