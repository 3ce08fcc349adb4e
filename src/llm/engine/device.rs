//! The devices that ggml can compute on, as plain data.

use llama_cpp_2::{LlamaBackendDevice, LlamaBackendDeviceType};

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its place in ggml's list, from 0.
    pub index: usize,
    /// Its name in ggml: `CPU`, `Vulkan0`.
    pub name: String,
    /// What the driver calls it.
    pub description: String,
    /// The part of ggml that drives it: `CPU`, `CUDA`, `Vulkan`, `Metal`.
    pub backend: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Its memory in bytes; `None` where ggml does not tell.
    pub memory_total_bytes: Option<u64>,
    /// How much of that is free, in bytes; `None` where ggml does not tell. It never does for the CPU: there it repeats
    /// the total.
    pub memory_free_bytes: Option<u64>,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU, with the memory of the machine.
    Cpu,
    /// A library or unit that works on the memory of the CPU.
    Accelerator,
    /// A GPU with memory of its own.
    Gpu,
    /// A GPU that shares the memory of the machine.
    IntegratedGpu,
    /// Something newer than this program.
    Other,
}

impl From<LlamaBackendDevice> for Device {
    fn from(device: LlamaBackendDevice) -> Self {
        let kind = match device.device_type {
            LlamaBackendDeviceType::Cpu => DeviceKind::Cpu,
            LlamaBackendDeviceType::Accelerator => DeviceKind::Accelerator,
            LlamaBackendDeviceType::Gpu => DeviceKind::Gpu,
            LlamaBackendDeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
            LlamaBackendDeviceType::Unknown => DeviceKind::Other,
        };
        let memory_total_bytes = (device.memory_total > 0).then_some(device.memory_total as u64);
        Self {
            index: device.index,
            name: device.name,
            description: device.description,
            backend: device.backend,
            kind,
            memory_total_bytes,
            memory_free_bytes: memory_total_bytes
                .filter(|_| kind != DeviceKind::Cpu)
                .map(|_| device.memory_free as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(device_type: LlamaBackendDeviceType, memory_total: usize, memory_free: usize) -> Device {
        let text = String::new;
        LlamaBackendDevice {
            index: 0,
            name: text(),
            description: text(),
            backend: text(),
            memory_total,
            memory_free,
            device_type,
        }
        .into()
    }

    #[test]
    fn a_full_gpu_is_not_an_unknown_one() {
        let full = device(LlamaBackendDeviceType::Gpu, 6 << 30, 0);
        assert_eq!((full.memory_total_bytes, full.memory_free_bytes), (Some(6 << 30), Some(0)));
        let unknown = device(LlamaBackendDeviceType::Gpu, 0, 0);
        assert_eq!((unknown.memory_total_bytes, unknown.memory_free_bytes), (None, None));
    }

    #[test]
    fn the_cpu_does_not_tell_what_is_free() {
        let cpu = device(LlamaBackendDeviceType::Cpu, 1 << 30, 1 << 30);
        assert_eq!((cpu.memory_total_bytes, cpu.memory_free_bytes), (Some(1 << 30), None));
    }
}
