//! Display of a watch: the terminal for users, something else in tests.

use std::sync::atomic::AtomicBool;

use super::super::study::StopReason;
use super::events::WatchEvent;
use super::snapshot::Snapshot;
use crate::advise::watch::{GpuLoad, GpuState};
use crate::clock::Clock;
use crate::failure::Failure;

/// Everything to show after a sample.
#[derive(Debug)]
pub(crate) struct WatchStatus<'a> {
    /// The sample.
    pub(crate) snapshot: &'a Snapshot,
    /// Index of the selected GPU.
    pub(crate) chosen: Option<usize>,
    /// Its load, if it was read.
    pub(crate) load: Option<GpuLoad>,
    /// Its state, and for how many seconds.
    pub(crate) state: Option<(GpuState, f64)>,
    /// A better state that is pending, and the remaining seconds.
    pub(crate) waiting: Option<(GpuState, f64)>,
    /// The GPU profile that suits the state.
    pub(crate) profile: Option<&'a str>,
    /// Advice while the alarm is on.
    pub(crate) advice: Option<&'a [String]>,
    /// Events, oldest first.
    pub(crate) events: &'a [WatchEvent],
    /// Why no GPU is available.
    pub(crate) none_since: Option<&'a str>,
    /// This program's own allocations on the GPU.
    pub(crate) holding: Option<String>,
    /// Name of the rules.
    pub(crate) rules: &'a str,
    /// Seconds between two samples.
    pub(crate) interval_s: f64,
}

/// What ended the wait for the next sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitResult {
    /// The sample is due.
    Due,
    /// The user quits, or the output was closed.
    Quit,
    /// A signal, or the terminal was closed.
    Stopped,
}

impl WaitResult {
    /// The resulting end of the watch, if any.
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
    /// Shows a sample and its events. Returns `false` once the output was closed.
    fn show(&mut self, status: &WatchStatus<'_>, new_events: &[WatchEvent]) -> Result<bool, Failure>;

    /// How a watch ends whose output was closed.
    fn unread(&self, stop: &AtomicBool) -> WaitResult;

    /// Waits until the clock reads `due_ns`.
    fn wait(
        &mut self,
        clock: &Clock,
        due_ns: u64,
        status: &WatchStatus<'_>,
        stop: &AtomicBool,
    ) -> Result<WaitResult, Failure>;
}
