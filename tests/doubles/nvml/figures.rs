//! Memory, load, temperature, power and clocks.

use std::ffi::{c_uint, c_ulonglong, c_void};

use crate::script::{Gpu, Handle, Row, ask, number};

#[repr(C)]
struct Memory {
    total: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

/// Total, reserved, free and used, in bytes.
fn split(gpu: &Gpu, row: &Row, handle: Handle) -> Result<[u64; 4], c_uint> {
    let facts = handle.part.map_or(&gpu.facts, |part| &gpu.parts[part]);
    let total = number::<u64>(facts, "total")? << 20;
    let used = number::<u64>(row, "used")? << 20;
    let reserved = number::<u64>(row, "reserved").unwrap_or(0) << 20;
    let free = number::<u64>(row, "free").map_or(total - used - reserved, |mib| mib << 20);
    Ok([total, reserved, free, used])
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetMemoryInfo(device: *mut c_void, to: *mut Memory) -> c_uint {
    ask(device, "memory", to, |gpu, row, handle| {
        let [total, reserved, free, used] = split(gpu, row, handle)?;
        Ok(Memory { total, free, used: used + reserved })
    })
}

#[repr(C)]
struct MemoryV2 {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: *mut c_void, to: *mut MemoryV2) -> c_uint {
    // SAFETY: the caller sets the version.
    let version = unsafe { (*to).version };
    if version != (size_of::<MemoryV2>() as c_uint | 2 << 24) {
        return 25;
    }
    ask(device, "memory", to, |gpu, row, handle| {
        let [total, reserved, free, used] = split(gpu, row, handle)?;
        Ok(MemoryV2 { version, total, reserved, free, used })
    })
}

#[repr(C)]
struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetUtilizationRates(device: *mut c_void, to: *mut Utilization) -> c_uint {
    ask(device, "use", to, |_, row, _| {
        Ok(Utilization { gpu: number(row, "use")?, memory: number(row, "memory_use").unwrap_or(0) })
    })
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetTemperature(device: *mut c_void, _sensor: c_uint, to: *mut c_uint) -> c_uint {
    ask(device, "temperature", to, |_, row, _| number(row, "temp"))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetPowerUsage(device: *mut c_void, to: *mut c_uint) -> c_uint {
    ask(device, "power", to, |_, row, _| number(row, "power"))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetEnforcedPowerLimit(device: *mut c_void, to: *mut c_uint) -> c_uint {
    ask(device, "limit", to, |gpu, _, _| number(&gpu.facts, "limit"))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetClockInfo(device: *mut c_void, _kind: c_uint, to: *mut c_uint) -> c_uint {
    ask(device, "clock", to, |_, row, _| number(row, "clock"))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetMaxClockInfo(device: *mut c_void, _kind: c_uint, to: *mut c_uint) -> c_uint {
    ask(device, "clock_max", to, |gpu, _, _| number(&gpu.facts, "clock_max"))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(device: *mut c_void, to: *mut c_ulonglong) -> c_uint {
    ask(device, "throttle", to, |_, row, _| number(row, "throttle"))
}
