//! What a placement would take, foreseen by llama.cpp itself: it makes the model and a context without allocating, and tells
//! what they would have taken, device by device. No weight is read; some milliseconds a placement.
//!
//! For a card that is not here, llama.cpp is given one that has the asked memory and answers as ggml's CUDA device does,
//! but computes nothing (`card.cpp`). What a driver takes for itself is in no projection.

#[cfg(feature = "llama")]
mod ffi;
mod foreseen;

#[cfg(feature = "llama")]
pub(super) use ffi::held;
#[cfg(feature = "llama")]
pub use ffi::{Foreseeing, project, project_all};
pub use foreseen::{ForeseenBytes, ForeseenDevice, Projection, Target};
