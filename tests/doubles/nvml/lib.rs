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

mod figures;
mod processes;
mod script;

use std::ffi::{c_char, c_int, c_uint, c_void};

use script::{Gpu, Handle, LOST, NOT_FOUND, NOT_SUPPORTED, SCRIPT, SUCCESS, ask, number, read, text};

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
