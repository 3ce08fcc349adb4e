//! The figures of a process, the same on every platform.

use serde::{Deserialize, Serialize};

use super::read;
use crate::record::Fact;

/// Memory and other resources of a process at one moment. Every figure may be missing, with a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessMemory {
    /// All of its resident pages, including shared ones, in bytes: `VmRSS`, the working set.
    pub resident_bytes: Fact<u64>,
    /// Anonymous memory, in bytes: on Linux the resident part (`RssAnon`), on Windows the committed private bytes, on
    /// macOS the physical footprint.
    pub anonymous_bytes: Fact<u64>,
    /// Allocated private memory, touched or not, in bytes: `VmData` on Linux, including the stacks of threads; the
    /// private bytes on Windows.
    pub committed_bytes: Fact<u64>,
    /// Resident pages of files, in bytes: programs, libraries, a mapped model (`RssFile`).
    pub file_backed_bytes: Fact<u64>,
    /// Resident memory with each shared page divided among its users, in bytes (PSS).
    pub proportional_bytes: Fact<u64>,
    /// Resident pages that no other process maps, including those of files, in bytes.
    pub private_bytes: Fact<u64>,
    /// Anonymous memory that was swapped out, in bytes (`VmSwap`).
    pub swapped_bytes: Fact<u64>,
    /// The peak of `resident_bytes`, in bytes: `VmHWM`, the peak working set; on macOS the peak physical footprint.
    pub peak_resident_bytes: Fact<u64>,
    /// Threads.
    pub threads: Fact<u64>,
    /// Handles on Windows, file descriptors elsewhere.
    pub handles: Fact<u64>,
}

/// There is no such process, or it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("process {pid} does not exist")]
pub struct ProcessEnded {
    /// Its ID.
    pub pid: u32,
}

impl ProcessMemory {
    /// The resources of this process.
    #[must_use]
    pub fn own() -> Self {
        let own = std::process::id();
        Self::of(own).unwrap_or_else(|ended| Self::without(&Fact::Failed(ended.to_string())))
    }

    /// The resources of the process with that ID. What its owner or the system does not disclose is a failed figure,
    /// with the reason; the only error is a process that no longer exists.
    pub fn of(pid: u32) -> Result<Self, ProcessEnded> {
        read(pid).ok_or(ProcessEnded { pid })
    }

    /// All figures missing, for the same reason.
    pub(super) fn without(reason: &Fact<u64>) -> Self {
        Self {
            resident_bytes: reason.clone(),
            anonymous_bytes: reason.clone(),
            committed_bytes: reason.clone(),
            file_backed_bytes: reason.clone(),
            proportional_bytes: reason.clone(),
            private_bytes: reason.clone(),
            swapped_bytes: reason.clone(),
            peak_resident_bytes: reason.clone(),
            threads: reason.clone(),
            handles: reason.clone(),
        }
    }
}

/// Anonymous memory of this process, in bytes: a memory-mapped model is not included. Missing on a system without such
/// a figure.
#[must_use]
pub fn anonymous_bytes() -> Fact<u64> {
    #[cfg(target_os = "linux")]
    return super::linux::anonymous_bytes();
    #[cfg(not(target_os = "linux"))]
    return ProcessMemory::own().anonymous_bytes;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    #[test]
    fn touched_memory_is_counted() {
        let read = || anonymous_bytes().value().copied().unwrap();
        let before = read();
        let kept = vec![1_u8; 64 << 20];
        let after = read();
        assert!(after >= before + (32 << 20), "{before} then {after}, with {} more", std::hint::black_box(&kept).len());
    }

    #[test]
    fn ended_process_has_no_figures() {
        let program = if cfg!(windows) { "hostname" } else { "true" };
        let mut child = std::process::Command::new(program).stdout(std::process::Stdio::null()).spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert_eq!(ProcessMemory::of(pid), Err(ProcessEnded { pid }));
    }

    #[cfg(any(target_os = "linux", target_os = "macos", windows))]
    #[test]
    fn own_process_can_be_read_by_id() {
        let own = ProcessMemory::of(std::process::id()).unwrap();
        assert!(own.threads.value().is_some_and(|threads| *threads >= 1), "{own:?}");
        assert!(own.handles.value().is_some_and(|handles| *handles >= 1), "{own:?}");
        assert!(own.peak_resident_bytes.value() > Some(&0), "{own:?}");
    }
}
