//! Ending early: the signal that requested it, and the flag that all longer operations check.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod lost_file;
#[cfg(unix)]
mod signals_unix;
#[cfg(windows)]
mod signals_windows;
mod stopping;

#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) use lost_file::end_cleanly_where_a_mapped_file_is_lost;
pub(super) use stopping::{listen, note};
