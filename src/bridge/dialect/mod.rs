//! Dialects of the bridge as data: commands, which thread replies, message and reply formats, and which commands are
//! harmless.
//!
//! A dialect is a TOML file: those under `profiles/bridge/` are built in, and a user may supply another. This module
//! reads and checks them; it opens no sockets and does not depend on client or server.

mod error;
mod parts;
mod table;

pub use error::DialectError;
pub use parts::{
    Ack, Batch, BatchEffect, DialectCommand, FieldNames, ListeningSide, Probe, Probes, Replies, ReplyForm,
};
pub use table::Dialect;
