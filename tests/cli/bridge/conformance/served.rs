//! A common interface to the bridges that must pass the same checks.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Value, json};
use workly_perf::bridge::server::EmbeddedBridge;

use super::peer;
use crate::harness::mono::MonoBridge;

/// The bridge under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code))]
pub(super) enum Kind {
    /// The embedded bridge.
    Embedded,
    /// The C# bridge for Unity, under Mono.
    Mono,
}

impl Kind {
    /// Starts a bridge. The C# bridge supports every dialect at once, and no fault injection.
    pub(super) fn bridge(self, spec: &str) -> Bridge {
        match self {
            Self::Embedded => Bridge::Embedded(Box::new(peer::bridge(spec))),
            Self::Mono => {
                let keys = spec.split(',').filter(|key| !key.is_empty() && !key.starts_with("dialect="));
                let arguments: Vec<String> = keys.map(|key| key.replace("queue-capacity=", "queue=")).collect();
                Bridge::Mono(RefCell::new(MonoBridge::start(&arguments)))
            }
        }
    }
}

/// A bridge that a peer can connect to.
pub(super) trait Served {
    fn address(&self) -> SocketAddr;
    fn greeting(&self) -> &str;
}

impl Served for EmbeddedBridge {
    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn greeting(&self) -> &str {
        &self.spec().dialect.greeting
    }
}

/// A running bridge of either kind.
pub(super) enum Bridge {
    Embedded(Box<EmbeddedBridge>),
    Mono(RefCell<MonoBridge>),
}

impl Served for Bridge {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Embedded(bridge) => bridge.address(),
            Self::Mono(bridge) => bridge.borrow().address(),
        }
    }

    fn greeting(&self) -> &str {
        match self {
            Self::Embedded(bridge) => bridge.greeting(),
            Self::Mono(_) => "{}",
        }
    }
}

/// Counters that both report.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counters {
    pub(super) connections: u64,
    pub(super) received: u64,
    pub(super) applied: u64,
    pub(super) busy_frames: u64,
    pub(super) replies_sent: u64,
    /// Well-formed messages without a known command or an argument.
    pub(super) ignored: u64,
    pub(super) malformed: u64,
    pub(super) longest_queue: u64,
}

/// The avatar of either bridge.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Avatar {
    pub(super) expressions: BTreeMap<String, f64>,
    pub(super) auto_blink: bool,
    pub(super) head_movement: Value,
    pub(super) transition_speed: f64,
    pub(super) model: Option<String>,
}

impl Bridge {
    pub(super) fn counters(&self) -> Counters {
        match self {
            Self::Embedded(bridge) => {
                let counters = bridge.counters();
                Counters {
                    connections: counters.connections,
                    received: counters.received,
                    applied: counters.applied,
                    busy_frames: counters.busy_frames,
                    replies_sent: counters.replies_sent,
                    ignored: counters.ignored,
                    malformed: counters.malformed,
                    longest_queue: counters.longest_queue,
                }
            }
            Self::Mono(bridge) => {
                let state = bridge.borrow_mut().state();
                let count = |key: &str| state[key].as_u64().unwrap();
                Counters {
                    connections: count("connections"),
                    received: count("received"),
                    applied: count("applied"),
                    busy_frames: count("busy_frames"),
                    replies_sent: count("replies"),
                    ignored: count("rejected") - count("malformed"),
                    malformed: count("malformed"),
                    longest_queue: count("queue_high_water"),
                }
            }
        }
    }

    pub(super) fn avatar(&self) -> Avatar {
        let avatar = match self {
            Self::Embedded(bridge) => json!(bridge.avatar()),
            Self::Mono(bridge) => bridge.borrow_mut().state()["avatar"].clone(),
        };
        serde_json::from_value(avatar).unwrap()
    }

    pub(super) fn shutdown(&mut self) {
        match self {
            Self::Embedded(bridge) => bridge.shutdown(),
            Self::Mono(bridge) => bridge.borrow_mut().shutdown(),
        }
    }
}
