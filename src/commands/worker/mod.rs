//! The internal commands: measurements and trials in a separate process, on the side of that process.

#[cfg(feature = "llama")]
mod gpu_placement;
#[cfg(feature = "llama")]
mod model_check;
#[cfg(feature = "llama")]
mod pipeline;
#[cfg(feature = "llama")]
mod request;
#[cfg(feature = "llama")]
mod threads;
#[cfg(feature = "llama")]
mod warmup_start;

#[cfg(feature = "llama")]
pub(super) use gpu_placement::run as gpu_placement;
#[cfg(feature = "llama")]
pub(super) use model_check::run as model_check;
#[cfg(feature = "llama")]
pub(super) use pipeline::run as pipeline;
#[cfg(feature = "llama")]
pub(super) use threads::run as threads;
#[cfg(feature = "llama")]
pub(super) use warmup_start::run as warmup_start;
