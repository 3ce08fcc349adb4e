//! GPUs: facts about them, placements on them, and the processes that measure those.

pub(crate) mod facts;
#[cfg(feature = "llama")]
mod profiles;
#[cfg(feature = "vulkan")]
mod vulkan;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod workers;
