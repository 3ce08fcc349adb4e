//! Power, firmware and CPU time as reported by Windows.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::{io, ptr};

use windows_sys::Win32::Foundation::{
    CloseHandle, ERROR_CALL_NOT_IMPLEMENTED, ERROR_SUCCESS, FILETIME, HANDLE, LocalFree,
};
use windows_sys::Win32::System::Console::{
    ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleCP, GetConsoleMode, GetConsoleOutputCP, GetStdHandle,
    STD_OUTPUT_HANDLE,
};
use windows_sys::Win32::System::Power::{GetSystemPowerStatus, PowerGetActiveScheme, SYSTEM_POWER_STATUS};
use windows_sys::Win32::System::Registry::{HKEY_LOCAL_MACHINE, RRF_RT_REG_SZ, RegGetValueW};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, GetSystemTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
};
use windows_sys::core::GUID;

use crate::record::Fact;

/// Registry key of the firmware's facts about the machine.
const FIRMWARE: &str = r"HARDWARE\DESCRIPTION\System\BIOS";

/// The first group of digits of Windows's built-in plans, which identifies them in every language.
const PLANS: [(u32, &str); 4] = [
    (0x381b_4222, "balanced"),
    (0x8c5e_7fda, "high performance"),
    (0xa184_1308, "power saver"),
    (0xe9a4_2b02, "ultimate performance"),
];

/// Whether the machine runs on its battery.
pub(super) fn on_battery() -> Fact<bool> {
    let mut status = SYSTEM_POWER_STATUS::default();
    // SAFETY: the structure is written during the call only.
    if unsafe { GetSystemPowerStatus(&raw mut status) } == 0 {
        return Fact::Failed(last_error());
    }
    line_state(status.ACLineStatus)
}

fn line_state(line: u8) -> Fact<bool> {
    match line {
        0 => Fact::Value(true),
        1 => Fact::Value(false),
        // 255: unknown.
        _ => Fact::Unsupported,
    }
}

/// The active power plan: one of those that come with Windows, or `custom`.
pub(super) fn power_plan() -> Fact<String> {
    let mut plan: *mut GUID = ptr::null_mut();
    // SAFETY: the pointer is written during the call only; no key is requested.
    let status = unsafe { PowerGetActiveScheme(ptr::null_mut(), &raw mut plan) };
    // Wine, for example, has no plans.
    if status == ERROR_CALL_NOT_IMPLEMENTED {
        return Fact::Unsupported;
    }
    if status != ERROR_SUCCESS || plan.is_null() {
        return Fact::Failed(error_text(status));
    }
    // SAFETY: the call succeeded, so it points to a GUID, which we must free.
    let first = unsafe {
        let first = (*plan).data1;
        LocalFree(plan.cast());
        first
    };
    Fact::Value(plan_name(first).into())
}

fn plan_name(first: u32) -> &'static str {
    PLANS.iter().find(|(digits, _)| *digits == first).map_or("custom", |(_, name)| name)
}

/// Code pages of the console: output and input. `Unsupported` without a console.
pub(super) fn code_pages() -> (Fact<u32>, Fact<u32>) {
    let known = |page: u32| Some(page).filter(|page| *page != 0).into();
    // SAFETY: neither takes an argument.
    unsafe { (known(GetConsoleOutputCP()), known(GetConsoleCP())) }
}

/// Whether the console interprets escape sequences. `Unsupported` if standard output is not a console.
pub(super) fn escape_sequences() -> Fact<bool> {
    let mut mode = 0;
    // SAFETY: the mode is written during the call only; a handle that is no console's is refused.
    let is_console = unsafe { GetConsoleMode(GetStdHandle(STD_OUTPUT_HANDLE), &raw mut mode) } != 0;
    Some(mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING != 0).filter(|_| is_console).into()
}

/// Vendor and product names of the machine, as reported by the firmware.
pub(super) fn firmware() -> Vec<String> {
    ["SystemManufacturer", "SystemProductName", "BaseBoardManufacturer"]
        .iter()
        .filter_map(|name| registry_text(FIRMWARE, name))
        .collect()
}

/// A text below `HKEY_LOCAL_MACHINE`; `None` if it is absent or unusually long.
fn registry_text(key: &str, name: &str) -> Option<String> {
    let (key, name) = (wide(key), wide(name));
    let mut text = [0_u16; 256];
    let mut bytes = u32::try_from(size_of_val(&text)).ok()?;
    // SAFETY: both names end in 0, and `bytes` is the length of the buffer.
    let status = unsafe {
        RegGetValueW(
            HKEY_LOCAL_MACHINE,
            key.as_ptr(),
            name.as_ptr(),
            RRF_RT_REG_SZ,
            ptr::null_mut(),
            text.as_mut_ptr().cast::<c_void>(),
            &raw mut bytes,
        )
    };
    let end = text.iter().position(|unit| *unit == 0)?;
    (status == ERROR_SUCCESS && end > 0).then(|| String::from_utf16_lossy(&text[..end]))
}

fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

/// Whether the processor reports a hypervisor underneath. A Windows that uses Hyper-V itself (virtualisation-based
/// security) is not in a virtual machine: it may create others. `None` on other processors.
#[cfg(target_arch = "x86_64")]
#[allow(unused_unsafe)] // Safe in later compilers.
pub(super) fn hypervisor_flag() -> Option<bool> {
    use std::arch::x86_64::__cpuid;

    // SAFETY: every x86-64 processor has this instruction and its leaf 1; leaves from 0x4000_0000 on exist with a
    // hypervisor.
    unsafe {
        if __cpuid(1).ecx >> 31 == 0 {
            return Some(false);
        }
        let vendor = __cpuid(0x4000_0000);
        let is_hyper_v = [vendor.ebx, vendor.ecx, vendor.edx].map(u32::to_le_bytes).concat() == b"Microsoft Hv";
        Some(!(is_hyper_v && __cpuid(0x4000_0003).ebx & 1 == 1))
    }
}

/// Not reported.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn hypervisor_flag() -> Option<bool> {
    None
}

/// CPU time of all CPUs since the machine started, in units of 100 ns: busy and total.
pub(super) fn system_times() -> Result<Option<(u64, u64)>, String> {
    let (mut idle, mut kernel, mut user) = (FILETIME::default(), FILETIME::default(), FILETIME::default());
    // SAFETY: the three are written during the call only.
    if unsafe { GetSystemTimes(&raw mut idle, &raw mut kernel, &raw mut user) } == 0 {
        return Err(last_error());
    }
    // Idle time is included in kernel time.
    let total = units(kernel) + units(user);
    Ok(Some((total.saturating_sub(units(idle)), total)))
}

/// CPU time of this process, in units of 100 ns.
pub(super) fn own_time() -> Result<Option<u64>, String> {
    // SAFETY: the pseudo handle of this process is always valid and need not be closed.
    time_of(unsafe { GetCurrentProcess() }).map(Some)
}

/// CPU time of a process, in units of 100 ns; `None` if it cannot be opened.
pub(super) fn process_time(pid: u32) -> Result<Option<u64>, String> {
    // SAFETY: it takes no pointers.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
    if process.is_null() {
        return Ok(None);
    }
    let time = time_of(process);
    // SAFETY: it was opened here and is closed once.
    unsafe { CloseHandle(process) };
    time.map(Some)
}

fn time_of(process: HANDLE) -> Result<u64, String> {
    let [mut created, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the four are written during the call only.
    if unsafe { GetProcessTimes(process, &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user) } == 0 {
        return Err(last_error());
    }
    Ok(units(kernel) + units(user))
}

fn units(time: FILETIME) -> u64 {
    u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime)
}

fn last_error() -> String {
    io::Error::last_os_error().kind().to_string()
}

fn error_text(status: u32) -> String {
    io::Error::from_raw_os_error(status.cast_signed()).kind().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn battery_and_mains_are_distinguished() {
        assert_eq!([0, 1, 255].map(line_state), [Fact::Value(true), Fact::Value(false), Fact::Unsupported]);
        assert!(!matches!(on_battery(), Fact::Failed(_)), "{}", on_battery());
    }

    #[test]
    fn plans_are_named_in_english_in_every_language() {
        assert_eq!([0x381b_4222, 0xa184_1308, 7].map(plan_name), ["balanced", "power saver", "custom"]);
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let own = || own_time().unwrap().unwrap();
        let (machine, start) = (system_times().unwrap().unwrap(), own());
        // Ten of Windows's timer ticks.
        let enough = start + 1_560_000;
        while own() < enough {
            std::hint::spin_loop();
        }
        let after = system_times().unwrap().unwrap();
        assert!(after.0 > machine.0 && after.1 > machine.1 && after.0 <= after.1, "{machine:?} {after:?}");
        assert!(process_time(std::process::id()).unwrap().unwrap() >= enough);
        // No process has this ID: they are multiples of four.
        assert_eq!(process_time(u32::MAX), Ok(None));
    }

    #[test]
    fn missing_registry_text_is_none() {
        assert_eq!(registry_text(FIRMWARE, "NoSuchValue"), None);
        assert!(registry_text(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", "CurrentVersion").is_some());
    }
}
