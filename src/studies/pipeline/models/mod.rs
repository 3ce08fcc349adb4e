//! The models required by the settings, loaded once per placement; or paced speakers of known speed.

#[cfg(feature = "llama")]
mod loaded;
mod paced;
mod source;
#[cfg(not(feature = "llama"))]
mod without_engine;

#[cfg(feature = "llama")]
pub(crate) use loaded::Models;
pub(crate) use source::ModelSource;
#[cfg(not(feature = "llama"))]
pub(crate) use without_engine::Models;
