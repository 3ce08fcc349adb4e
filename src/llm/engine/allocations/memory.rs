//! A growing hold on a device's memory.

use super::ffi::{self, Buffer};
use crate::llm::engine::{Backend, Device, DeviceKind};

/// The most that is taken at once: the last piece before a card is full stays small.
const PIECE: u64 = 64 << 20;

/// Variables that have ggml take memory that drivers move to and fro: with them, a full card could not be told.
const MANAGED: [&str; 2] = ["GGML_CUDA_ENABLE_UNIFIED_MEMORY", "GGML_VK_ALLOW_SYSMEM_FALLBACK"];

/// ggml was told to take memory that is not the device's own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is set: memory that the driver can move to main memory does not fill a GPU")]
pub struct ManagedMemory {
    /// What told it.
    pub variable: &'static str,
}

/// Memory on one device. All of it is given back when this is dropped.
#[derive(Debug)]
pub struct HeldMemory {
    device: Device,
    buffers: Vec<Buffer>,
}

impl HeldMemory {
    /// Nothing is held yet.
    pub fn on(_backend: &'static Backend, device: Device) -> Result<Self, ManagedMemory> {
        match MANAGED.into_iter().find(|variable| std::env::var_os(variable).is_some()) {
            Some(variable) => Err(ManagedMemory { variable }),
            None => Ok(Self { device, buffers: Vec::new() }),
        }
    }

    /// Which device.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// How much is held, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|buffer| buffer.bytes() as u64).sum()
    }

    /// Takes memory in pieces until `bytes` are held in all and `free_bytes` would no longer be free, or the device refuses.
    /// Says whether all was taken. `free_bytes` counts where the device tells what is free.
    pub fn grow(&mut self, bytes: u64, free_bytes: u64, mut go_on: impl FnMut() -> bool) -> bool {
        while go_on() {
            let missing = bytes.saturating_sub(self.bytes());
            let spare = self.free_bytes().map_or(missing, |free| free.saturating_sub(free_bytes));
            let piece = missing.min(spare).min(PIECE);
            // A last piece of less than a page is none.
            if piece < 4096 {
                return true;
            }
            let taken = usize::try_from(piece).ok().and_then(|piece| Buffer::on(self.device.index, piece));
            match taken {
                Some(buffer) => self.buffers.push(buffer),
                None => return false,
            }
        }
        false
    }

    /// Gives everything back.
    pub fn free(&mut self) {
        self.buffers.clear();
    }

    /// What of the device's memory is free, in bytes. The CPU does not tell.
    #[must_use]
    pub fn free_bytes(&self) -> Option<u64> {
        let (free, _) = ffi::memory(self.device.index).filter(|_| self.device.kind != DeviceKind::Cpu)?;
        Some(free as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_cpu() -> HeldMemory {
        let backend = Backend::start().unwrap();
        let cpu = backend.devices().into_iter().find(|device| device.kind == DeviceKind::Cpu).unwrap();
        HeldMemory::on(backend, cpu).unwrap()
    }

    #[test]
    fn what_is_asked_for_is_held_and_given_back() {
        let mut held = on_cpu();
        assert!(held.grow(100 << 20, 0, || true));
        assert_eq!(held.bytes(), 100 << 20);
        assert!(held.grow(100 << 20, 0, || true), "no more than that");
        assert_eq!(held.bytes(), 100 << 20);
        held.free();
        assert_eq!(held.bytes(), 0);
    }

    #[test]
    fn it_stops_when_told_and_where_there_is_no_device() {
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
