//! What only Windows is asked, on every other system: nothing.
// The signatures are those of `windows.rs`, where each call can fail.
#![allow(clippy::unnecessary_wraps)]

use crate::record::Fact;

/// See the same in `windows.rs`.
pub(super) fn on_battery() -> Fact<bool> {
    Fact::Unsupported
}

/// There is a governor or nothing.
pub(super) fn power_plan() -> Fact<String> {
    Fact::Unsupported
}

/// Not told.
pub(super) fn hypervisor_flag() -> Option<bool> {
    None
}

/// Not told.
pub(super) fn firmware() -> Vec<String> {
    Vec::new()
}

/// CPU time of the machine: busy and in all.
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
