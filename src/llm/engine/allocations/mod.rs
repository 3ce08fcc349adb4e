//! Allocates and frees device memory, to observe the effects of a full GPU. Always the device's own memory, never
//! managed memory that a driver migrates.

mod ffi;
mod memory;

pub use memory::{Allocations, ManagedMemory};
