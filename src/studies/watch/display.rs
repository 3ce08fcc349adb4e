//! What shows a watch: the terminal for the user, something else for a test.

use std::sync::atomic::AtomicBool;

use super::super::study::StopReason;
use super::events::Event;
use super::snapshot::Snapshot;
use crate::advise::watch::{CardState, Load};
use crate::clock::Clock;
use crate::failure::Failure;

/// Everything that is to be shown after a sample.
#[derive(Debug)]
pub(crate) struct WatchStatus<'a> {
    /// The sample.
    pub(crate) snapshot: &'a Snapshot,
    /// The place of the GPU whose state is followed.
    pub(crate) chosen: Option<usize>,
    /// Its load, where it was read.
    pub(crate) load: Option<Load>,
    /// Its state, and for how many seconds.
    pub(crate) state: Option<(CardState, f64)>,
    /// A better state that has to wait, and for how many seconds more.
    pub(crate) waiting: Option<(CardState, f64)>,
    /// The GPU profile that suits the state.
    pub(crate) profile: Option<&'a str>,
    /// What to do, while the alarm is on.
    pub(crate) advice: Option<&'a [String]>,
    /// What happened, oldest first.
    pub(crate) events: &'a [Event],
    /// Why no GPU is available.
    pub(crate) none_since: Option<&'a str>,
    /// What of the GPU this program holds itself.
    pub(crate) holding: Option<String>,
    /// Name of the rules.
    pub(crate) rules: &'a str,
    /// Seconds between two samples.
    pub(crate) interval_s: f64,
}

/// What ended the wait for the next sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// It is time for it.
    Due,
    /// The user ends the watch, or nobody reads any more.
    Quit,
    /// A signal, or the end of the terminal.
    Stopped,
}

impl Waited {
    /// The end of the watch that it means, if it means one.
    pub(super) fn into_end(self) -> Option<StopReason> {
        match self {
            Self::Due => None,
            Self::Quit => Some(StopReason::Planned),
            Self::Stopped => Some(StopReason::Interrupted),
        }
    }
}

/// Shows a watch.
pub(crate) trait WatchDisplay {
    /// Shows a sample and its events. `false` once nobody reads any more: the pipe or the terminal was closed.
    fn show(&mut self, status: &WatchStatus<'_>, new_events: &[Event]) -> Result<bool, Failure>;

    /// How a watch ends that nobody reads any more.
    fn unread(&self, stop: &AtomicBool) -> Waited;

    /// Waits until the clock reads `due_ns`.
    fn wait(
        &mut self,
        clock: &Clock,
        due_ns: u64,
        status: &WatchStatus<'_>,
        stop: &AtomicBool,
    ) -> Result<Waited, Failure>;
}
