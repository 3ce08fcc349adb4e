//! Preparation of studies: finds the model or bridge and makes it ready.

mod applied_source;
mod chat_model;
mod connection;
mod located_model;
#[cfg(feature = "llama")]
mod memory_lock;
mod ready;
mod simulated;

pub(crate) use applied_source::{AppliedSource, seen};
pub(crate) use chat_model::chat_model;
pub(crate) use connection::{BridgeSession, serving};
#[cfg(feature = "llama")]
pub(crate) use located_model::load;
pub(crate) use located_model::{LocatedModel, locate};
#[cfg(feature = "llama")]
pub(crate) use memory_lock::MemoryLock;
pub(crate) use ready::ready;
pub(crate) use simulated::synthetic_weights;
