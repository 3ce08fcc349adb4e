//! The Unity bridges: their protocol, their faults, and messages that answer nothing.

mod conformance;
mod dialects;
pub(crate) mod faults;
mod msgpack_python;
pub(crate) mod unsolicited;
