//! Input of a study's measuring loops.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::observer::Observer;
use super::super::setup::BridgeSession;
use crate::bridge::Client;
use crate::clock::Clock;
use crate::measure::LoopContext;
use crate::plan::IpcPlan;

/// The connection and the run's state for measuring loops. Connecting, restoring the avatar and the record are handled
/// elsewhere.
pub(crate) struct IpcContext<'a> {
    pub(super) plan: &'a IpcPlan,
    pub(super) connection: &'a mut BridgeSession,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a AtomicBool,
    pub(super) clock: Clock,
}

impl IpcContext<'_> {
    /// Whether the study should stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The connection, and the context for a measured loop; `replies` is its counter for the progress display.
    pub(super) fn loop_context<'b>(&'b mut self, replies: &'b AtomicU64) -> (&'b mut Client, LoopContext<'b>) {
        let loop_context =
            LoopContext { clock: &self.clock, stop: self.stop, replies, ids: self.plan.bridge.dialect.ids };
        (&mut self.connection.client, loop_context)
    }

    /// After a failure: whether the socket thread still replies on a new connection.
    pub(super) fn is_alive(&mut self) -> bool {
        self.connection.is_alive(&self.plan.bridge, self.stop)
    }
}
