//! Memory, threads and handles of one process, this one or another: what it holds itself, and what it only maps.
//!
//! A model that is mapped into memory is pages of its file. They count as resident, but the system takes them back when it
//! likes. So each kind has a figure of its own, and growth is judged on what no file backs.

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
