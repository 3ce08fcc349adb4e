//! Test double of NVIDIA's NVML: the functions that workly-perf calls, with their names and signatures, answering from a
//! script. It is a separate library, built by `tests/cli/harness/standin_nvml.rs` and loaded by path, so that everything between
//! the program and the driver is tested.
//!
//! The script is the file named by `STANDIN_NVML_SCRIPT`. Lines of words; sizes in MiB; `#` starts a comment:
//!
//! ```text
//! driver 555.42.02                      versions
//! cuda 12050
//! init 9                                result of nvmlInit, 0 by default
//! gpu name=RTX_4050 total=6144 bus=2    a GPU; the following lines belong to it
//! mig total=3072 used=100               a part of it
//! process pid=42 used=512               a process on it; used=none as on Windows
//! row used=1000 use=10 temp=45          one reading…
//! row used=5600 use=95 fail=power:3     … and the next; fail=FIGURE:CODE makes a call fail
//! row lost                              … and then it is lost
//! ```
//!
//! Each memory query advances to the next row; the last one stays. `free=` overrides the free memory, possibly with an
//! inconsistent value. `--cfg old` omits functions missing before driver 510, `--cfg oldest` also those missing before 450.

use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};
use std::sync::Mutex;

const SUCCESS: c_uint = 0;
const INVALID_ARGUMENT: c_uint = 2;
const NOT_SUPPORTED: c_uint = 3;
const NOT_FOUND: c_uint = 6;
const INSUFFICIENT_SIZE: c_uint = 7;
const LOST: c_uint = 15;
const NOT_AVAILABLE: u64 = u64::MAX;

type Row = HashMap<String, String>;

#[derive(Default)]
struct Gpu {
    facts: Row,
    rows: Vec<Row>,
    parts: Vec<Row>,
    processes: Vec<(u32, u64)>,
    looks: usize,
}

#[derive(Default)]
struct Script {
    driver: String,
    cuda: c_int,
    init: c_uint,
    gpus: Vec<Gpu>,
}

static SCRIPT: Mutex<Option<Script>> = Mutex::new(None);

fn read() -> Script {
    let mut script = Script { driver: "555.42.02".into(), cuda: 12050, ..Script::default() };
    let text = std::env::var_os("STANDIN_NVML_SCRIPT").map(|path| std::fs::read_to_string(path).unwrap());
    for line in text.unwrap_or_default().lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        let Some(kind) = words.next() else { continue };
        let row: Row = words
            .map(|word| word.split_once('=').map_or((word.into(), String::new()), |(key, value)| (key.into(), value.into())))
            .collect();
        let first = || row.keys().next().cloned().unwrap_or_default();
        match kind {
            "driver" => script.driver = first(),
            "cuda" => script.cuda = first().parse().unwrap(),
            "init" => script.init = first().parse().unwrap(),
            "gpu" => script.gpus.push(Gpu { facts: row, ..Gpu::default() }),
            kind => {
                let gpu = script.gpus.last_mut().expect("rows follow their gpu");
                match kind {
                    "row" => gpu.rows.push(row),
                    "mig" => gpu.parts.push(row),
                    "process" => {
                        let used = row["used"].parse::<u64>().map_or(NOT_AVAILABLE, |mib| mib << 20);
                        gpu.processes.push((row["pid"].parse().unwrap(), used));
                    }
                    other => panic!("the script says '{other}'"),
                }
            }
        }
    }
    script
}

/// What a handle denotes: a GPU, or a part of it. Handles are 1 + GPU + 1000 × (1 + part).
#[derive(Clone, Copy)]
struct Handle {
    gpu: usize,
    part: Option<usize>,
}

fn handle_of(device: *mut c_void) -> Handle {
    let number = device as usize - 1;
    Handle { gpu: number % 1000, part: (number / 1000).checked_sub(1) }
}

/// Answers a query about a device from its current row.
fn ask<T>(device: *mut c_void, figure: &str, to: *mut T, find: impl FnOnce(&mut Gpu, &Row, Handle) -> Result<T, c_uint>) -> c_uint {
    let mut script = SCRIPT.lock().unwrap();
    let handle = handle_of(device);
    let Some(gpu) = script.as_mut().and_then(|script| script.gpus.get_mut(handle.gpu)) else { return INVALID_ARGUMENT };
    if figure == "memory" && handle.part.is_none() {
        gpu.looks += 1;
    }
    let at = gpu.looks.saturating_sub(1).min(gpu.rows.len().saturating_sub(1));
    let row = match handle.part {
        Some(part) => gpu.parts[part].clone(),
        None => gpu.rows.get(at).cloned().unwrap_or_default(),
    };
    if row.contains_key("lost") {
        return LOST;
    }
    let fails = row.get("fail").into_iter().flat_map(|list| list.split(',')).filter_map(|fail| fail.split_once(':'));
    if let Some((_, code)) = { fails }.find(|(failing, _)| *failing == figure) {
        return code.parse().unwrap();
    }
    match find(gpu, &row, handle) {
        Ok(value) => {
            // SAFETY: the caller passes a pointer for the result, as NVML requires.
            unsafe { to.write(value) };
            SUCCESS
        }
        Err(code) => code,
    }
}

/// A number of the row; the device lacks what the row does not contain.
fn number<T: std::str::FromStr>(row: &Row, key: &str) -> Result<T, c_uint> {
    row.get(key).ok_or(NOT_SUPPORTED)?.parse().map_err(|_| NOT_SUPPORTED)
}

fn text(words: &str, to: *mut c_char, length: c_uint) -> c_uint {
    if words.len() >= length as usize {
        return INSUFFICIENT_SIZE;
    }
    // SAFETY: the caller states the length of its buffer.
    unsafe {
        std::ptr::copy_nonoverlapping(words.as_ptr().cast(), to, words.len());
        to.add(words.len()).write(0);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> c_uint {
    let script = read();
    let answer = script.init;
    *SCRIPT.lock().unwrap() = Some(script);
    answer
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> c_uint {
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn nvmlSystemGetDriverVersion(to: *mut c_char, length: c_uint) -> c_uint {
    text(&SCRIPT.lock().unwrap().as_ref().unwrap().driver, to, length)
}

#[unsafe(no_mangle)]
extern "C" fn nvmlSystemGetNVMLVersion(to: *mut c_char, length: c_uint) -> c_uint {
    text("12.555.42.02", to, length)
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlSystemGetCudaDriverVersion_v2(to: *mut c_int) -> c_uint {
    // SAFETY: a pointer for the result.
    unsafe { to.write(SCRIPT.lock().unwrap().as_ref().unwrap().cuda) };
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetCount_v2(to: *mut c_uint) -> c_uint {
    // SAFETY: a pointer for the result.
    unsafe { to.write(SCRIPT.lock().unwrap().as_ref().unwrap().gpus.len() as c_uint) };
    SUCCESS
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, to: *mut *mut c_void) -> c_uint {
    let handle = (1 + index as usize) as *mut c_void;
    let answer = ask(handle, "handle", to, |_, _, _| Ok(handle));
    if answer == LOST {
        // A lost device gets no memory query, so time advances here to let it come back.
        SCRIPT.lock().unwrap().as_mut().unwrap().gpus[index as usize].looks += 1;
    }
    answer
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetName(device: *mut c_void, to: *mut c_char, length: c_uint) -> c_uint {
    let mut name = String::new();
    let answer = ask(device, "name", &raw mut name, |gpu, _, handle| {
        let name = gpu.facts.get("name").ok_or(NOT_SUPPORTED)?.replace('_', " ");
        Ok(handle.part.map_or(name.clone(), |part| format!("{name} MIG {part}")))
    });
    if answer == SUCCESS { text(&name, to, length) } else { answer }
}

#[repr(C)]
struct PciInfo {
    bus_id_legacy: [c_char; 16],
    domain: c_uint,
    bus: c_uint,
    device: c_uint,
    pci_device_id: c_uint,
    pci_sub_system_id: c_uint,
    bus_id: [c_char; 32],
}

#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetPciInfo_v3(device: *mut c_void, to: *mut PciInfo) -> c_uint {
    ask(device, "pci", to, |_, _, handle| {
        let mut bus_id = [0; 32];
        let words = format!("00000000:{:02X}:00.0", handle.gpu + 1);
        for (place, byte) in bus_id.iter_mut().zip(words.bytes()) {
            *place = byte as c_char;
        }
        let bus = handle.gpu as c_uint + 1;
        Ok(PciInfo { bus_id_legacy: [0; 16], domain: 0, bus, device: 0, pci_device_id: 0, pci_sub_system_id: 0, bus_id })
    })
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetBusType(device: *mut c_void, to: *mut c_uint) -> c_uint {
    ask(device, "bus", to, |gpu, _, _| number(&gpu.facts, "bus").or(Ok(2)))
}

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

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetMigMode(device: *mut c_void, current: *mut c_uint, pending: *mut c_uint) -> c_uint {
    let mode = |gpu: &mut Gpu, handle: Handle| match (gpu.parts.len(), handle.part) {
        (0, _) | (_, Some(_)) => Err(NOT_SUPPORTED),
        _ => Ok(1),
    };
    ask(device, "mig", pending, |gpu, _, handle| mode(gpu, handle));
    ask(device, "mig", current, |gpu, _, handle| mode(gpu, handle))
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetMaxMigDeviceCount(device: *mut c_void, to: *mut c_uint) -> c_uint {
    // As on real ones: seven slots, some of which are empty.
    ask(device, "mig", to, |_, _, _| Ok(7))
}

#[cfg(not(old))]
#[unsafe(no_mangle)]
extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(device: *mut c_void, part: c_uint, to: *mut *mut c_void) -> c_uint {
    ask(device, "mig", to, |gpu, _, handle| {
        let part = part as usize;
        if part < gpu.parts.len() { Ok((1 + handle.gpu + 1000 * (1 + part)) as *mut c_void) } else { Err(NOT_FOUND) }
    })
}
