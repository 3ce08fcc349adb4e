//! Fills a device's memory step by step.

use super::ffi::{self, DeviceBuffer};
use crate::llm::engine::{Backend, Device, DeviceKind};

/// Maximum size of one allocation: small, so that a device can be filled closely.
const PIECE: u64 = 64 << 20;

/// Variables that make ggml use managed memory, which drivers migrate: a full device could then not be detected.
const MANAGED: [&str; 2] = ["GGML_CUDA_ENABLE_UNIFIED_MEMORY", "GGML_VK_ALLOW_SYSMEM_FALLBACK"];

/// ggml is configured to use managed memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is set: memory that the driver can move to main memory does not fill a GPU")]
pub struct ManagedMemory {
    /// The variable responsible.
    pub variable: &'static str,
}

/// Allocations on one device, all freed when dropped.
#[derive(Debug)]
pub struct Allocations {
    device: Device,
    buffers: Vec<DeviceBuffer>,
}

impl Allocations {
    /// Nothing is allocated yet.
    pub fn on(_backend: &'static Backend, device: Device) -> Result<Self, ManagedMemory> {
        match MANAGED.into_iter().find(|variable| std::env::var_os(variable).is_some()) {
            Some(variable) => Err(ManagedMemory { variable }),
            None => Ok(Self { device, buffers: Vec::new() }),
        }
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes allocated.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|buffer| buffer.bytes() as u64).sum()
    }

    /// Allocates until a total of `bytes` is held and less than `free_bytes` would remain free, or the device refuses.
    /// Returns whether everything was allocated. `free_bytes` only applies if the device reports its free memory.
    pub fn grow(&mut self, bytes: u64, free_bytes: u64, mut go_on: impl FnMut() -> bool) -> bool {
        while go_on() {
            let missing = bytes.saturating_sub(self.bytes());
            let spare = self.free_bytes().map_or(missing, |free| free.saturating_sub(free_bytes));
            let piece = missing.min(spare).min(PIECE);
            // A remainder below one page is ignored.
            if piece < 4096 {
                return true;
            }
            let taken = usize::try_from(piece).ok().and_then(|piece| DeviceBuffer::on(self.device.index, piece));
            match taken {
                Some(buffer) => self.buffers.push(buffer),
                None => return false,
            }
        }
        false
    }

    /// Frees everything.
    pub fn free(&mut self) {
        self.buffers.clear();
    }

    /// Free memory of the device, in bytes. Not reported by the CPU.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let (free, _) = ffi::memory(self.device.index).filter(|_| self.device.kind != DeviceKind::Cpu)?;
        Some(free as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_cpu() -> Allocations {
        let backend = Backend::start().unwrap();
        let cpu = backend.devices().into_iter().find(|device| device.kind == DeviceKind::Cpu).unwrap();
        Allocations::on(backend, cpu).unwrap()
    }

    #[test]
    fn allocations_are_held_and_freed() {
        let mut held = on_cpu();
        assert!(held.grow(100 << 20, 0, || true));
        assert_eq!(held.bytes(), 100 << 20);
        assert!(held.grow(100 << 20, 0, || true), "not more than requested");
        assert_eq!(held.bytes(), 100 << 20);
        held.free();
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn growing_stops_on_request_and_without_a_device() {
        let mut held = on_cpu();
        let mut pieces = 0;
        let done = held.grow(1 << 30, 0, || {
            pieces += 1;
            pieces < 3
        });
        assert!(!done);
        assert_eq!(held.bytes(), 2 * PIECE);
        held.device.index = 4_000;
        assert!(!held.grow(1 << 30, 0, || true));
        assert_eq!(held.free_bytes(), None);
    }
}
