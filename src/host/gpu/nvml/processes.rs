//! The processes that use a GPU. Calls NVML's C interface directly: the safe crate lacks the query of drivers before
//! 450.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::c_uint;

use nvml_wrapper::Device;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::{NvmlError, nvml_try};
use nvml_wrapper::struct_wrappers::device::ProcessInfo;
use nvml_wrapper_sys::bindings::{nvmlDevice_t, nvmlProcessInfo_v1_t, nvmlReturn_t};

use super::super::ProcessVram;
use super::error::fact;
use crate::record::Fact;

/// `NVML_VALUE_NOT_AVAILABLE`: on Windows the system manages this memory.
const NOT_AVAILABLE: u64 = u64::MAX;

/// Maximum number of processes in the oldest form of the query.
const MOST: usize = 1 << 16;

/// The process query of the oldest drivers.
type OldestProcessQuery = unsafe extern "C" fn(nvmlDevice_t, *mut c_uint, *mut nvmlProcessInfo_v1_t) -> nvmlReturn_t;

/// A process and its memory, if known.
type ListedProcess = Vec<(u32, Fact<u64>)>;

/// Processes that draw or compute. The driver lists one that does both twice, with the same memory.
pub(super) fn processes(device: &Device<'_>) -> Fact<Vec<ProcessVram>> {
    let lists = [drawing(device), computing(device)];
    if lists.iter().all(Result::is_err) {
        let [graphics, _] = lists;
        return fact(graphics.map(|_| Vec::new()));
    }
    let mut found: BTreeMap<u32, Fact<u64>> = BTreeMap::new();
    for (pid, vram_bytes) in lists.into_iter().flatten().flatten() {
        let known = found.entry(pid).or_insert(Fact::Unsupported);
        if vram_bytes.value() > known.value() {
            *known = vram_bytes;
        }
    }
    Fact::Value(found.into_iter().map(|(pid, vram_bytes)| ProcessVram { pid, vram_bytes }).collect())
}

/// In the newest form that the driver supports.
fn drawing(device: &Device<'_>) -> Result<ListedProcess, NvmlError> {
    let oldest = device.nvml().lib().nvmlDeviceGetGraphicsRunningProcesses.as_ref().ok().copied();
    newest([device.running_graphics_processes(), device.running_graphics_processes_v2()], || {
        oldest.map(|oldest| by_oldest(device, oldest))
    })
}

/// In the newest form that the driver supports.
fn computing(device: &Device<'_>) -> Result<ListedProcess, NvmlError> {
    let oldest = device.nvml().lib().nvmlDeviceGetComputeRunningProcesses.as_ref().ok().copied();
    newest([device.running_compute_processes(), device.running_compute_processes_v2()], || {
        oldest.map(|oldest| by_oldest(device, oldest))
    })
}

fn newest(
    answers: [Result<Vec<ProcessInfo>, NvmlError>; 2],
    oldest: impl FnOnce() -> Option<Result<ListedProcess, NvmlError>>,
) -> Result<ListedProcess, NvmlError> {
    let has_not = |error: &NvmlError| matches!(error, NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound);
    let [newest, older] = answers;
    match (newest, older) {
        (Err(no_newest), Err(no_older)) if has_not(&no_newest) && has_not(&no_older) => {
            oldest().unwrap_or(Err(no_newest))
        }
        (Err(error), older) if has_not(&error) => older.map(|processes| listed(&processes)),
        (newest, _) => newest.map(|processes| listed(&processes)),
    }
}

fn listed(processes: &[ProcessInfo]) -> ListedProcess {
    let memory = |process: &ProcessInfo| match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => Fact::Value(bytes),
        UsedGpuMemory::Unavailable => Fact::Unsupported,
    };
    processes.iter().map(|process| (process.pid, memory(process))).collect()
}

/// Queries the number first, then the processes. Some may start in between, so there is space for a few more.
fn by_oldest(device: &Device<'_>, ask: OldestProcessQuery) -> Result<ListedProcess, NvmlError> {
    let mut count: c_uint = 0;
    // SAFETY: the function was loaded by its own name and has always had this signature in NVML; the handle is the
    // device's own. Without space for an entry it only writes the count.
    let counted = unsafe { ask(device.handle(), &raw mut count, std::ptr::null_mut()) };
    match nvml_try(counted) {
        Ok(()) | Err(NvmlError::InsufficientSize(_)) => {}
        Err(error) => return Err(error),
    }
    let room = (count as usize + 8).min(MOST);
    let mut entries = vec![nvmlProcessInfo_v1_t { pid: 0, usedGpuMemory: 0 }; room];
    let mut count = c_uint::try_from(room).unwrap_or(0);
    // SAFETY: as above; there is space for `count` entries, and they are only written during the call.
    nvml_try(unsafe { ask(device.handle(), &raw mut count, entries.as_mut_ptr()) })?;
    entries.truncate(count as usize);
    let memory = |bytes: u64| if bytes == NOT_AVAILABLE { Fact::Unsupported } else { Fact::Value(bytes) };
    Ok(entries.iter().map(|entry| (entry.pid, memory(entry.usedGpuMemory))).collect())
}
