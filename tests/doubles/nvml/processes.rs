//! Lists of processes, as drivers of several versions return them.

use std::ffi::{c_uint, c_ulonglong, c_void};

use crate::script::{INSUFFICIENT_SIZE, SUCCESS, ask};

#[repr(C)]
struct Process {
    pid: c_uint,
    used: c_ulonglong,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

fn listed<P>(device: *mut c_void, count: *mut c_uint, to: *mut P, entry: impl Fn(u32, u64) -> P) -> c_uint {
    // SAFETY: the pointer states the number of entries available.
    let room = unsafe { *count } as usize;
    let mut found = Vec::new();
    let answer = ask(device, "processes", &raw mut found, |gpu, _, _| Ok(gpu.processes.clone()));
    if answer != SUCCESS {
        return answer;
    }
    // SAFETY: as above; entries are only written if they fit.
    unsafe {
        count.write(found.len() as c_uint);
        if found.len() > room || to.is_null() && !found.is_empty() {
            return INSUFFICIENT_SIZE;
        }
        for (at, (pid, used)) in found.into_iter().enumerate() {
            to.add(at).write(entry(pid, used));
        }
    }
    SUCCESS
}

fn newer(pid: u32, used: u64) -> Process {
    Process { pid, used, gpu_instance: u32::MAX, compute_instance: u32::MAX }
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(device: *mut c_void, count: *mut c_uint, to: *mut Process) -> c_uint {
    listed(device, count, to, newer)
}

/// A program that draws and computes is in both lists.
#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetGraphicsRunningProcesses_v3(device: *mut c_void, count: *mut c_uint, to: *mut Process) -> c_uint {
    listed(device, count, to, newer)
}

/// Drivers from 450 on.
#[cfg(not(oldest))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetComputeRunningProcesses_v2(device: *mut c_void, count: *mut c_uint, to: *mut Process) -> c_uint {
    listed(device, count, to, newer)
}

#[cfg(not(oldest))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetGraphicsRunningProcesses_v2(device: *mut c_void, count: *mut c_uint, to: *mut Process) -> c_uint {
    listed(device, count, to, newer)
}

/// A process in the format of the oldest drivers.
#[repr(C)]
struct OldestProcess {
    pid: c_uint,
    used: c_ulonglong,
}

fn oldest(pid: u32, used: u64) -> OldestProcess {
    OldestProcess { pid, used }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetComputeRunningProcesses(device: *mut c_void, count: *mut c_uint, to: *mut OldestProcess) -> c_uint {
    listed(device, count, to, oldest)
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetGraphicsRunningProcesses(device: *mut c_void, count: *mut c_uint, to: *mut OldestProcess) -> c_uint {
    listed(device, count, to, oldest)
}
