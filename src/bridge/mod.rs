//! The Unity bridge: its dialects, the measuring client, the tap, and the embedded server that simulates it.

mod address;
mod client;
mod detect;
mod dialect;
mod endpoint;
mod error;
mod framing;
#[cfg(fuzzing)]
pub mod fuzzing;
mod heard;
mod message;
mod readiness;
mod reply;
pub mod server;
pub mod tap;
mod waiting;
mod wire;
mod writer;

pub use address::{DEFAULT_PORT, Target, listening, resolve};
pub use client::{Answered, Client};
pub use detect::{Detected, detect};
pub use dialect::{
    Ack, Applies, Batch, Command, Dialect, DialectError, Fields, Listener, Probe, Probes, Replies, ReplyForm,
};
pub use endpoint::{Endpoint, dial};
pub use error::{BridgeError, FaultKind};
pub use message::Message;
pub use reply::Reply;
pub use waiting::Waiting;
pub use wire::{Codec, Framing, Wire};
pub use writer::{LineWriter, Sending};
