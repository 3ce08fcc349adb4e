//! A tap on the line between the application and Unity: passes every byte on as it came, and notes each message beside it.

#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod message_metadata;
mod proxy_connection;
mod pump;
mod splitter;

pub use message_metadata::{MessageId, MessageMetadata};
pub use proxy_connection::ProxyConnection;
pub use pump::{Carried, Passed, Side};
