//! Projects the memory of a placement with llama.cpp itself: it creates the model and a context without allocating, and
//! reports what they would have taken per device. No weights are read; a placement takes some milliseconds.
//!
//! For an absent GPU, llama.cpp gets a device that has the requested memory and behaves like ggml's CUDA device, but
//! computes nothing (`card.cpp`). The driver's own memory use is not included.

#[cfg(feature = "llama")]
mod ffi;
mod projected;

#[cfg(feature = "llama")]
pub(super) use ffi::held;
#[cfg(feature = "llama")]
pub use ffi::{ProjectionOptions, project, project_all};
pub use projected::{PlacementTarget, ProjectedBytes, ProjectedDevice, Projection};
