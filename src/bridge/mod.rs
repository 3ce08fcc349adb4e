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
mod message;
mod pending;
mod readiness;
mod reply;
pub mod server;
pub mod tap;
mod unrelated;
mod wire;
mod writer;

pub use address::{DEFAULT_PORT, Target, listening, resolve};
pub use client::{Client, MatchedReply};
pub use detect::{DetectedDialect, detect};
pub use dialect::{
    Ack, Batch, BatchEffect, Dialect, DialectCommand, DialectError, FieldNames, ListeningSide, Probe, Probes, Replies,
    ReplyForm,
};
pub use endpoint::{Endpoint, connect_to};
pub use error::{BridgeError, FaultKind};
pub use message::Message;
pub use pending::PendingMessages;
pub use reply::Reply;
pub use wire::{Codec, Framing, Wire};
pub use writer::{LineWriter, SendOptions};
