//! The tap between the application and Unity: passes on every byte unchanged and records each message.

#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod message_metadata;
mod proxy_connection;
mod pump;
mod splitter;

pub use message_metadata::{MessageId, MessageMetadata};
pub use proxy_connection::ProxyConnection;
pub use pump::{DirectionTotals, ForwardedMessage, TapSide};
