//! ggml's compute devices, as plain data.

use llama_cpp_2::{LlamaBackendDevice, LlamaBackendDeviceType};

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Index in ggml's list, from 0.
    pub index: usize,
    /// Name in ggml: `CPU`, `Vulkan0`.
    pub name: String,
    /// The driver's name for it.
    pub description: String,
    /// The ggml backend that drives it: `CPU`, `CUDA`, `Vulkan`, `Metal`.
    pub backend: String,
    /// Its kind.
    pub kind: DeviceKind,
    /// Its memory in bytes; `None` if ggml does not report it.
    pub memory_total_bytes: Option<u64>,
    /// Its free memory in bytes; `None` if ggml does not report it, which is always the case for the CPU, for which
    /// ggml repeats the total.
    pub memory_free_bytes: Option<u64>,
}

/// Kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// The CPU, with the machine's memory.
    Cpu,
    /// A library or unit that works on the CPU's memory.
    Accelerator,
    /// A GPU with its own memory.
    Gpu,
    /// A GPU that shares the machine's memory.
    IntegratedGpu,
    /// Unknown to this version.
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
    fn full_gpu_differs_from_an_unknown_one() {
        let full = device(LlamaBackendDeviceType::Gpu, 6 << 30, 0);
        assert_eq!((full.memory_total_bytes, full.memory_free_bytes), (Some(6 << 30), Some(0)));
        let unknown = device(LlamaBackendDeviceType::Gpu, 0, 0);
        assert_eq!((unknown.memory_total_bytes, unknown.memory_free_bytes), (None, None));
    }

    #[test]
    fn cpu_does_not_report_free_memory() {
        let cpu = device(LlamaBackendDeviceType::Cpu, 1 << 30, 1 << 30);
        assert_eq!((cpu.memory_total_bytes, cpu.memory_free_bytes), (Some(1 << 30), None));
    }
}
