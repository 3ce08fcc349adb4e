//! What every study is given: the plan, a connection, the record that it fills, and the wish to end early.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::bridge::Client;
use crate::clock::Clock;
use crate::measure::Bench;
use crate::plan::IpcPlan;
use crate::studies::Recorder;
use crate::studies::setup::Connection;
use crate::term::Printer;

/// A run under way. A study adds its cases and findings to `recorder`, each case as it ends; it comes back early, with what
/// it has, once `stop` is set, and asks [`Session::ends_here`] for it. Connecting, putting the avatar back, the report and the exit code are not its concern.
pub(super) struct Session<'a> {
    pub(super) plan: &'a IpcPlan,
    pub(super) printer: Printer,
    pub(super) stop: &'a AtomicBool,
    pub(super) clock: Clock,
    pub(super) connection: Connection,
    pub(super) recorder: Recorder,
    /// Whether something was left out because of `stop`.
    pub(super) cut_short: bool,
}

impl Session<'_> {
    /// Whether the study is to end now. Whoever asks leaves out what was to come: asked only where something is.
    pub(super) fn ends_here(&mut self) -> bool {
        self.cut_short |= self.stop.load(Ordering::Relaxed);
        self.cut_short
    }

    /// The connection, and what a measured loop on it needs of the run; `replies` is where it counts for the display.
    pub(super) fn bench<'b>(&'b mut self, replies: &'b AtomicU64) -> (&'b mut Client, Bench<'b>) {
        let bench = Bench { clock: &self.clock, stop: self.stop, replies, ids: self.plan.dialect.ids };
        (&mut self.connection.client, bench)
    }
}
