//! How full a GPU's memory is. The only file of this room that calls NVML's C interface itself: the memory query of drivers
//! before 510 is not in the safe crate.
#![allow(unsafe_code)]

use nvml_wrapper::Device;
use nvml_wrapper::error::{NvmlError, nvml_try};
use nvml_wrapper_sys::bindings::nvmlMemory_t;

use crate::record::Fact;

/// The memory of a GPU, in bytes. `used + reserved + free = total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) total: u64,
    pub(super) used: u64,
    pub(super) free: u64,
    /// What the driver keeps for itself. Old drivers do not tell it apart: there it is part of what is used.
    pub(super) reserved: Fact<u64>,
}

/// Asks the driver: in the newer form, and where it has none, in the older one.
pub(super) fn memory(device: &Device<'_>) -> Result<Memory, NvmlError> {
    match device.memory_info() {
        Ok(info) => {
            Ok(Memory { total: info.total, used: info.used, free: info.free, reserved: Fact::Value(info.reserved) })
        }
        Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound) => older(device),
        Err(error) => Err(error),
    }
}

fn older(device: &Device<'_>) -> Result<Memory, NvmlError> {
    let query = device
        .nvml()
        .lib()
        .nvmlDeviceGetMemoryInfo
        .as_ref()
        .map_err(|error| NvmlError::FailedToLoadSymbol(error.to_string()))?;
    let mut info = nvmlMemory_t { total: 0, free: 0, used: 0 };
    // SAFETY: the function was loaded under its own name and has this signature since NVML has existed; the handle is the
    // device's own, and `info` is written during the call alone.
    nvml_try(unsafe { query(device.handle(), &raw mut info) })?;
    Ok(Memory { total: info.total, used: info.used, free: info.free, reserved: Fact::Unsupported })
}
