//! The Unity bridge: its dialects, the client that measures it, and an embedded server that stands in for it.

mod address;
mod client;
mod dialect;
mod error;
mod framing;
mod message;
mod reply;
pub mod server;

pub use address::{DEFAULT_PORT, Target, resolve};
pub use client::{Client, LineWriter};
pub use dialect::{Ack, Command, Dialect, DialectError, Probe, Probes};
pub use error::BridgeError;
pub use message::Message;
pub use reply::Reply;
