//! Memory, threads and handles of one process, this one or another: anonymous memory and mapped files.
//!
//! A memory-mapped model consists of pages of its file. They count as resident, but the system can reclaim them at any
//! time. Therefore each type has a figure of its own, and leaks are judged on anonymous memory.

mod figures;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
mod other;
#[cfg(windows)]
mod windows;

pub use figures::{ProcessEnded, ProcessMemory, anonymous_bytes};

#[cfg(target_os = "linux")]
use linux::read;
#[cfg(target_os = "macos")]
use macos::read;
#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
use other::read;
#[cfg(windows)]
use windows::read;
