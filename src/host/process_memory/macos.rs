//! macOS: `proc_pid_rusage` and `proc_pidinfo`, which work for processes of the same user.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::mem::MaybeUninit;

use super::ProcessMemory;
use crate::record::Fact;

/// The figures of a process; `None` if there is no such process.
pub(super) fn read(pid: u32) -> Option<ProcessMemory> {
    let number = c_int::try_from(pid).ok()?;
    let mut usage = MaybeUninit::<libc::rusage_info_v4>::zeroed();
    // SAFETY: the kernel writes one `rusage_info_v4`, which the flavour selects and the pointer has space for.
    let code = unsafe { libc::proc_pid_rusage(number, libc::RUSAGE_INFO_V4, usage.as_mut_ptr().cast()) };
    if code != 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            Some(libc::ESRCH) => None,
            Some(libc::EPERM) => Some(ProcessMemory::without(&Fact::Failed(
                "permission denied: the process belongs to another user or is protected".into(),
            ))),
            _ => Some(ProcessMemory::without(&Fact::Failed(error.kind().to_string()))),
        };
    }
    // SAFETY: it was zeroed, which is a valid value of this plain structure, and then filled.
    let usage = unsafe { usage.assume_init() };
    Some(ProcessMemory {
        resident_bytes: Fact::Value(usage.ri_resident_size),
        anonymous_bytes: Fact::Value(usage.ri_phys_footprint),
        peak_resident_bytes: Fact::Value(usage.ri_lifetime_max_phys_footprint),
        threads: threads(number),
        handles: handles(number),
        ..ProcessMemory::without(&Fact::Unsupported)
    })
}

fn threads(pid: c_int) -> Fact<u64> {
    let mut task = MaybeUninit::<libc::proc_taskinfo>::zeroed();
    let Ok(size) = c_int::try_from(size_of::<libc::proc_taskinfo>()) else { return Fact::Unsupported };
    // SAFETY: the kernel writes at most `size` bytes, which the structure has.
    let written = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDTASKINFO, 0, task.as_mut_ptr().cast(), size) };
    if written != size {
        return Fact::Failed(io::Error::last_os_error().kind().to_string());
    }
    // SAFETY: it was filled to its whole size.
    Fact::Value(u64::try_from(unsafe { task.assume_init() }.pti_threadnum).unwrap_or(0))
}

/// Open file descriptors: the size of their list, divided by the size of an entry.
fn handles(pid: c_int) -> Fact<u64> {
    // SAFETY: without a buffer the kernel writes nothing and returns the required size.
    let bytes = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDLISTFDS, 0, std::ptr::null_mut(), 0) };
    match usize::try_from(bytes) {
        Ok(bytes) if bytes > 0 => Fact::Value((bytes / size_of::<libc::proc_fdinfo>()) as u64),
        _ => Fact::Failed(io::Error::last_os_error().kind().to_string()),
    }
}
