//! Preparation of studies: finds the model or bridge and makes it ready.

mod chat_model;
mod connection;
mod located_model;
mod ready;
mod seen;
mod simulated;

pub(crate) use chat_model::chat_model;
pub(crate) use connection::{Connection, serving};
#[cfg(feature = "llama")]
pub(crate) use located_model::load;
pub(crate) use located_model::{LocatedModel, locate};
pub(crate) use ready::ready;
pub(crate) use seen::{Seen, seen};
pub(crate) use simulated::synthetic_weights;
