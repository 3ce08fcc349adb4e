//! Readings that exist on Windows only: absent on every other system.
// The signatures are those of `windows.rs`, where each call can fail.
#![allow(clippy::unnecessary_wraps)]

use crate::record::Fact;

/// See the function of the same name in `windows.rs`.
pub(super) fn on_battery() -> Fact<bool> {
    Fact::Unsupported
}

/// Only Windows has power plans.
pub(super) fn power_plan() -> Fact<String> {
    Fact::Unsupported
}

/// Only Windows has code pages.
pub(super) fn code_pages() -> (Fact<u32>, Fact<u32>) {
    (Fact::Unsupported, Fact::Unsupported)
}

/// Only asked of Windows consoles.
pub(super) fn escape_sequences() -> Fact<bool> {
    Fact::Unsupported
}

/// Not reported.
pub(super) fn hypervisor_flag() -> Option<bool> {
    None
}

/// Not reported.
pub(super) fn firmware() -> Vec<String> {
    Vec::new()
}

/// Busy and total CPU time of the machine.
pub(super) fn system_times() -> Result<Option<(u64, u64)>, String> {
    Ok(None)
}

/// CPU time of this process.
pub(super) fn own_time() -> Result<Option<u64>, String> {
    Ok(None)
}

/// CPU time of a process.
pub(super) fn process_time(_: u32) -> Result<Option<u64>, String> {
    Ok(None)
}
