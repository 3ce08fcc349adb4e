//! The models that the settings need, loaded once for each placement; or stand-ins of known speed.

#[cfg(feature = "llama")]
mod loaded;
mod paced;
#[cfg(not(feature = "llama"))]
mod without_engine;

#[cfg(feature = "llama")]
pub(super) use loaded::Models;
#[cfg(not(feature = "llama"))]
pub(super) use without_engine::Models;
