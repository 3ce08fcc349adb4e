//! Ending early: which signal asked for it, and the flag that everything that takes time looks at.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod lost_file;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod lost_memory;
#[cfg(unix)]
mod signals_unix;
#[cfg(windows)]
mod signals_windows;
mod stopping;

#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) use lost_file::end_cleanly_where_a_mapped_file_is_lost;
pub(super) use stopping::{listen, note};
