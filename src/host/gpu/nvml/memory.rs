//! Memory use of a GPU. Calls NVML's C interface directly: the safe crate lacks the memory query of drivers before 510.
#![allow(unsafe_code)]

use nvml_wrapper::Device;
use nvml_wrapper::error::{NvmlError, nvml_try};
use nvml_wrapper_sys::bindings::nvmlMemory_t;

use super::error;
use crate::record::Fact;

/// The memory of a GPU, in bytes. `used + reserved + free = total`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NvmlMemory {
    pub(super) total: u64,
    pub(super) used: u64,
    pub(super) free: u64,
    /// Reserved by the driver. Old drivers do not report it separately; there it is part of the used memory.
    pub(super) reserved: Fact<u64>,
}

/// The memory of a device, if reported. GPUs that share the machine's memory have no such figures: unsupported.
/// Inconsistent figures are rejected.
pub(super) fn memory(device: &Device<'_>) -> Result<Fact<NvmlMemory>, NvmlError> {
    match asked(device) {
        Ok(memory) => Ok(checked(memory)),
        Err(error) if error::is_lost(&error) => Err(error),
        Err(error) => Ok(error::fact(Err(error))),
    }
}

fn checked(memory: NvmlMemory) -> Fact<NvmlMemory> {
    let NvmlMemory { total, used, free, .. } = memory;
    if total == 0 {
        return Fact::Failed("the driver reports that there is none".into());
    }
    if free > total || used > total {
        let mib = |bytes: u64| bytes >> 20;
        return Fact::Failed(format!(
            "the driver's figures are inconsistent: {} MiB used and {} MiB free of {} MiB",
            mib(used),
            mib(free),
            mib(total)
        ));
    }
    Fact::Value(memory)
}

/// Queries the driver in the newest form that it supports.
fn asked(device: &Device<'_>) -> Result<NvmlMemory, NvmlError> {
    match device.memory_info() {
        Ok(info) => {
            Ok(NvmlMemory { total: info.total, used: info.used, free: info.free, reserved: Fact::Value(info.reserved) })
        }
        Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound) => older(device),
        Err(error) => Err(error),
    }
}

fn older(device: &Device<'_>) -> Result<NvmlMemory, NvmlError> {
    let query = device
        .nvml()
        .lib()
        .nvmlDeviceGetMemoryInfo
        .as_ref()
        .map_err(|error| NvmlError::FailedToLoadSymbol(error.to_string()))?;
    let mut info = nvmlMemory_t { total: 0, free: 0, used: 0 };
    // SAFETY: the function was loaded by its own name and has always had this signature in NVML; the handle is the
    // device's own, and `info` is only written during the call.
    nvml_try(unsafe { query(device.handle(), &raw mut info) })?;
    Ok(NvmlMemory { total: info.total, used: info.used, free: info.free, reserved: Fact::Unsupported })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inconsistent_figures_fail() {
        let memory = |total, used, free| NvmlMemory { total, used, free, reserved: Fact::Unsupported };
        assert_eq!(checked(memory(4 << 30, 1 << 30, 3 << 30)), Fact::Value(memory(4 << 30, 1 << 30, 3 << 30)));
        for odd in [memory(0, 0, 0), memory(1 << 30, 0, 2 << 30), memory(1 << 30, u64::MAX, 0)] {
            assert!(matches!(checked(odd.clone()), Fact::Failed(_)), "{odd:?}");
        }
        let Fact::Failed(reason) = checked(memory(1 << 30, 0, 2 << 30)) else { panic!("it cannot be") };
        assert_eq!(reason, "the driver's figures are inconsistent: 0 MiB used and 2048 MiB free of 1024 MiB");
    }
}
