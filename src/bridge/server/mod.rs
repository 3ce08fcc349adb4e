//! The embedded bridge: a server on 127.0.0.1 that behaves like Unity's stock bridge.
//!
//! Two threads, as in Unity. The socket thread serves one client at a time, reads 4,096 bytes at a time and sends
//! *received* replies; the main thread runs frames, drains the whole queue once per frame and sends *applied* replies.
//! A [`BridgeSpec`] sets the frame rate and, for tests and checks against a known truth, the injected faults. It draws
//! nothing and never listens beyond this machine.

mod acceptor;
mod action;
mod applied_log;
mod avatar;
mod bridge;
mod client;
mod counters;
mod decode;
mod delay;
mod error;
mod faults;
mod founding;
mod frames;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod hello;
mod instrumented;
mod main_thread;
mod message;
mod outbox;
mod presence_lock;
mod public_api;
mod queue;
mod shared;
mod socket;
mod spec;
mod spec_parse;
mod status;
mod stock;
mod stop;

pub use applied_log::{AppliedLog, AppliedTimes};
pub use avatar::{Avatar, HeadMovement};
pub use bridge::EmbeddedBridge;
pub use counters::Counters;
pub use error::{BridgeServerError, BridgeSpecError};
pub use presence_lock::PresenceLock;
pub use spec::{BridgeSpec, FrameRate};
pub use spec_parse::SpecKey;
