//! How it is known when a reaction's expression shows, if its reply is not awaited.

use std::sync::atomic::{AtomicBool, AtomicU64};

use serde_json::{Value, json};

use crate::bridge::{Ack, Message};
use crate::clock::{Clock, ms};
use crate::measure::{ApplicationSources, AppliedBy, LoopContext, ask_applied, frame_period_ns};
use crate::plan::BridgeConnection;
use crate::studies::setup::BridgeSession;

/// The source, and the frame period if only that bounds the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppliedSource {
    by: AppliedBy,
    frame_ns: Option<u64>,
}

/// Determines the source, and measures the frame period if there is none. `None` for a dialect without expressions.
pub(crate) fn seen(
    bridge_connection: &BridgeConnection,
    connection: &mut BridgeSession,
    seed: u64,
    (clock, stop): (&Clock, &AtomicBool),
) -> (ApplicationSources, Option<AppliedSource>) {
    let mut watch = ApplicationSources { applied_log: connection.applied_log(), frame_ns: None };
    let dialect = bridge_connection.dialect;
    let Some(face) = dialect.probe(Ack::Received).or(dialect.probe(Ack::Applied)) else { return (watch, None) };
    let by = watch.applied_by(ask_applied(dialect, &face.command, &mut dialect.body(&face.command, &face.data)));
    if by == AppliedBy::Bounds
        && let Some(probe) = dialect.probe(Ack::Applied)
    {
        let mut message = Message::of(dialect, probe, bridge_connection.blink, 0);
        let loop_context = LoopContext { clock, stop, replies: &AtomicU64::new(0), ids: dialect.ids };
        watch.frame_ns = frame_period_ns(&mut connection.client, &mut message, seed, loop_context);
    }
    let applied_source = AppliedSource { by, frame_ns: watch.frame_ns };
    (watch, Some(applied_source))
}

impl AppliedSource {
    /// Whether a reply tells, as for all other commands.
    pub(crate) fn is_by_reply(self) -> bool {
        self.by == AppliedBy::Reply
    }

    /// As a condition of a case.
    pub(crate) fn conditions(self) -> Value {
        json!({ "by": self.by, "frame_ms": self.frame_ns.map(ms) })
    }

    /// As a note on a case.
    pub(crate) fn note(self) -> String {
        let when = match (self.by, self.frame_ns) {
            (AppliedBy::Reply, _) => "taken from the reply, which is sent once the command is applied".to_owned(),
            (AppliedBy::Account, _) => "reported by the embedded bridge".into(),
            (AppliedBy::Bounds, Some(frame_ns)) => format!(
                "not reported by this bridge: within one frame after the command was received, and a frame lasts {:.2} \
                 ms as measured",
                ms(frame_ns)
            ),
            (AppliedBy::Bounds, None) => {
                "not reported by this bridge, and no frame could be measured as a bound".into()
            }
        };
        format!("The time when the expression was applied is {when}. The turns did not wait for replies.")
    }

    /// Maximum time from receiving the command to the visible expression in ms, if only that is known.
    pub(crate) fn frame_ms(self) -> Option<f64> {
        self.frame_ns.filter(|_| self.by == AppliedBy::Bounds).map(ms)
    }
}
