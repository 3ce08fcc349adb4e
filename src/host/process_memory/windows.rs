//! Windows: the process's own counters. Private bytes are committed memory, resident or not.
#![allow(unsafe_code)]

use std::io;

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER, HANDLE, INVALID_HANDLE_VALUE, STILL_ACTIVE,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::ProcessStatus::{
    K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS, PROCESS_MEMORY_COUNTERS_EX,
};
use windows_sys::Win32::System::Threading::{
    GetExitCodeProcess, GetProcessHandleCount, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
};

use super::ProcessMemory;
use crate::record::Fact;

/// A handle that is closed when dropped.
struct Owned(HANDLE);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the handle was opened here and is closed once.
        unsafe { CloseHandle(self.0) };
    }
}

/// The figures of a process; `None` if there is no such process.
pub(super) fn read(pid: u32) -> Option<ProcessMemory> {
    // SAFETY: it takes no pointers.
    let handle = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
    if handle.is_null() {
        let error = io::Error::last_os_error();
        let code = error.raw_os_error().and_then(|code| u32::try_from(code).ok());
        return match code {
            Some(ERROR_INVALID_PARAMETER) => None,
            Some(ERROR_ACCESS_DENIED) => Some(ProcessMemory::without(&Fact::Failed(
                "permission denied: the process belongs to another user or is protected".into(),
            ))),
            _ => Some(ProcessMemory::without(&Fact::Failed(error.kind().to_string()))),
        };
    }
    let process = Owned(handle);
    let mut code = 0;
    // SAFETY: the handle is open, and `code` is written during the call only.
    // A process with an open handle elsewhere can be opened after its end.
    if unsafe { GetExitCodeProcess(process.0, &raw mut code) } != 0 && code != STILL_ACTIVE.cast_unsigned() {
        return None;
    }
    let mut memory = ProcessMemory { threads: threads(pid), handles: handles(&process), ..counters(&process) };
    memory.swapped_bytes = Fact::Unsupported;
    Some(memory)
}

fn counters(process: &Owned) -> ProcessMemory {
    let mut counters = PROCESS_MEMORY_COUNTERS_EX::default();
    let Ok(size) = u32::try_from(size_of::<PROCESS_MEMORY_COUNTERS_EX>()) else {
        return ProcessMemory::without(&Fact::Unsupported);
    };
    counters.cb = size;
    let pointer = (&raw mut counters).cast::<PROCESS_MEMORY_COUNTERS>();
    // SAFETY: the handle is open, and the system writes at most `size` bytes, which the structure has.
    if unsafe { K32GetProcessMemoryInfo(process.0, pointer, size) } == 0 {
        return ProcessMemory::without(&failed());
    }
    ProcessMemory {
        resident_bytes: Fact::Value(counters.WorkingSetSize as u64),
        anonymous_bytes: Fact::Value(counters.PrivateUsage as u64),
        committed_bytes: Fact::Value(counters.PrivateUsage as u64),
        peak_resident_bytes: Fact::Value(counters.PeakWorkingSetSize as u64),
        ..ProcessMemory::without(&Fact::Unsupported)
    }
}

fn handles(process: &Owned) -> Fact<u64> {
    let mut count = 0;
    // SAFETY: the handle is open, and `count` is written during the call only.
    let read = unsafe { GetProcessHandleCount(process.0, &raw mut count) };
    if read == 0 { failed() } else { Fact::Value(count.into()) }
}

/// Threads, from the system's list of all processes: there is no query for a single one.
fn threads(pid: u32) -> Fact<u64> {
    // SAFETY: it takes no pointers.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return failed();
    }
    let snapshot = Owned(snapshot);
    let mut entry = PROCESSENTRY32W::default();
    entry.dwSize = u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or(0);
    // SAFETY: the snapshot is open, and `entry` has the stated size.
    let mut more = unsafe { Process32FirstW(snapshot.0, &raw mut entry) };
    while more != 0 {
        if entry.th32ProcessID == pid {
            return Fact::Value(entry.cntThreads.into());
        }
        // SAFETY: as above.
        more = unsafe { Process32NextW(snapshot.0, &raw mut entry) };
    }
    Fact::Failed("the system does not list this process".into())
}

fn failed() -> Fact<u64> {
    Fact::Failed(io::Error::last_os_error().kind().to_string())
}
