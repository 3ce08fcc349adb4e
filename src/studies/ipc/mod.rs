//! Studies of the bridge over one connection: round trips, their breakdown, the maximum rate, ways to send, and replays
//! of sessions.

mod breakdown;
mod bridge_study;
mod ipc_context;
mod max_rate;
mod replay;
mod round_trips;
mod variants;

#[cfg(test)]
use bridge_study::planted;
pub(crate) use bridge_study::{BridgeMeasurement, BridgeStudy};
