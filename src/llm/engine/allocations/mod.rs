//! Memory of a device, taken and given back: to see what a full card does. Only memory of the device itself, never memory
//! that a driver moves to and fro.

mod ffi;
mod memory;

pub use memory::{HeldMemory, ManagedMemory};
