//! Dialects of the bridge as data: which commands exist, who answers them, how messages and replies are written, and what is
//! harmless to send.
//!
//! A dialect is a TOML file: those under `profiles/bridge/` are built into the program, and a user may name another. This
//! module reads and checks them; it opens no sockets and knows neither client nor server.

mod error;
mod parts;
mod table;

pub use error::DialectError;
pub use parts::{Ack, Applies, Batch, Command, Fields, Listener, Probe, Probes, Replies, ReplyForm};
pub use table::Dialect;
