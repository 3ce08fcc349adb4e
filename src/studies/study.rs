//! The study: a plan that can be run, and the analysis of its samples.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::observer::Observer;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::plural::counted;
use crate::record::{Case, CaseState, RecordError, Run, RunState, Simulation};

/// Facts about a run at its start.
#[derive(Debug)]
pub(crate) struct RunManifest {
    /// The command's name.
    pub(crate) command: &'static str,
    /// The request, with all defaults resolved.
    pub(crate) plan: Value,
    /// The subject.
    pub(crate) subject: Value,
    /// Simulated parts.
    pub(crate) simulated: Vec<Simulation>,
    /// Warnings for the reader.
    pub(crate) warnings: Vec<String>,
}

/// Why measuring ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// Everything planned was done.
    Planned,
    /// Every figure was precise enough.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Only studies that run a model have budgets.
    Precise,
    /// The budget was used up.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Only studies that run a model have budgets.
    Budget,
    /// Interrupted by a signal.
    Interrupted,
    /// An error.
    Failed,
}

impl StopReason {
    /// Whether cases in progress were cut off.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Most of its users run a model.
    pub(crate) fn cuts_off(self) -> bool {
        matches!(self, Self::Interrupted | Self::Failed)
    }
}

/// Verdict of a run that ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunVerdict {
    /// Positive or neutral.
    Done,
    /// Negative: a leak, a regression.
    Negative,
}

/// The samples of one quantity of a case.
#[derive(Debug, Clone)]
pub(crate) struct CaseHistogram {
    /// The path of the case.
    pub(crate) case: String,
    /// The quantity: `latency`, `ttft`.
    pub(crate) quantity: &'static str,
    /// The total, which has no tag, and its parts.
    pub(crate) parts: Vec<HistogramPart>,
}

/// One row of a histogram log.
#[derive(Debug, Clone)]
pub(crate) struct HistogramPart {
    /// Name of the part; `None` for the total.
    pub(crate) tag: Option<&'static str>,
    /// In nanoseconds.
    pub(crate) samples_ns: Vec<u64>,
    /// Start of its first sample, relative to the run.
    pub(crate) start: Duration,
    /// Its duration.
    pub(crate) duration: Duration,
}

impl CaseHistogram {
    /// A total without parts, of samples from `began_ns` to `ended_ns` of the run's clock.
    pub(crate) fn total(
        case: String,
        quantity: &'static str,
        samples_ns: Vec<u64>,
        (began_ns, ended_ns): (u64, u64),
    ) -> Self {
        let start = Duration::from_nanos(began_ns);
        let duration = Duration::from_nanos(ended_ns.saturating_sub(began_ns));
        Self { case, quantity, parts: vec![HistogramPart { tag: None, samples_ns, start, duration }] }
    }
}

/// The record of a run in progress: where a study writes its own files while it measures.
#[derive(Debug, Clone)]
pub(crate) struct RunRecord {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The run's id.
    pub(crate) run_id: String,
    /// When the run started.
    pub(crate) started: Timestamp,
}

/// Saves the data so far. A path names a case that is complete.
pub(super) type SaveProgress<'a, D> = dyn FnMut(&D, Option<&str>) -> Result<(), Failure> + 'a;

/// State available to a study while it measures.
pub(crate) struct RunContext<'a, D> {
    /// Follows the study.
    pub(crate) observer: &'a dyn Observer,
    /// Set to stop the run.
    pub(crate) stop: &'a AtomicBool,
    /// Started with the run; histograms use its time.
    pub(crate) clock: Clock,
    /// For files written by the study itself.
    pub(crate) record: RunRecord,
    /// The first of its own files that it could not complete.
    pub(super) incomplete: &'a mut Option<RecordError>,
    pub(super) keep: &'a mut SaveProgress<'a, D>,
}

impl<D> RunContext<'_, D> {
    /// Whether it should stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Writes the record with everything measured so far.
    pub(crate) fn checkpoint(&mut self, data: &D) -> Result<(), Failure> {
        (self.keep)(data, None)
    }

    /// Like `checkpoint`, when the case at `path` is complete: its histograms are written, too.
    pub(crate) fn complete_case(&mut self, data: &D, path: &str) -> Result<(), Failure> {
        (self.keep)(data, Some(path))
    }

    /// Reports that one of the study's own files is incomplete. The run continues; its exit code reflects it in the
    /// end.
    pub(crate) fn file_is_incomplete(&mut self, error: RecordError) {
        self.incomplete.get_or_insert(error);
    }
}

/// An experiment: its plan, how it is run, and its analysis. The driver handles the rest of a run: the record,
/// checkpoints, interruption, failure, histograms, the end.
pub(crate) trait Study {
    /// Everything measured so far, at any moment.
    type Data: Default;

    /// What is measured: a loaded model, a connection, a process.
    type Target;

    /// Facts at the start.
    fn manifest(&self, target: &Self::Target) -> Result<RunManifest, Failure>;

    /// Measured processes, whose CPU use is not noise.
    fn measured_processes(&self, _target: &Self::Target) -> Vec<u32> {
        Vec::new()
    }

    /// Measures. `data` grows; after an error, it has what was measured until then.
    fn run(
        &self,
        target: &mut Self::Target,
        data: &mut Self::Data,
        context: &mut RunContext<'_, Self::Data>,
    ) -> Result<StopReason, Failure>;

    /// The cases so far, in reading order. `end` is `None` while it measures.
    fn cases(&self, data: &Self::Data, end: Option<StopReason>) -> Vec<Case>;

    /// The findings. `run` contains the cases and the noise verdict.
    fn findings(&self, data: &Self::Data, run: &Run, end: StopReason) -> Vec<String>;

    /// Samples of the cases, for those that have any.
    fn histograms(&self, _data: &Self::Data) -> Vec<CaseHistogram> {
        Vec::new()
    }

    /// Warnings found while measuring.
    fn warnings(&self, _data: &Self::Data) -> Vec<String> {
        Vec::new()
    }

    /// State of a run without errors: that of its record, with the reason if it is not complete.
    fn state(&self, _data: &Self::Data, cases: &[Case], end: StopReason) -> (RunState, Option<String>) {
        state_of_cases(cases, end)
    }

    /// Verdict of a complete run.
    fn verdict(&self, _data: &Self::Data, _run: &Run) -> RunVerdict {
        RunVerdict::Done
    }

    /// What to try if cases failed.
    fn advice(&self, _data: &Self::Data, _run: &Run) -> String {
        String::new()
    }
}

/// The usual end of a run: interrupted, failed if a case did not end as planned, or complete.
pub(crate) fn state_of_cases(cases: &[Case], end: StopReason) -> (RunState, Option<String>) {
    if end == StopReason::Interrupted {
        return (RunState::Interrupted, Some(super::ended_by()));
    }
    match failed_cases(cases).count() {
        0 => (RunState::Complete, None),
        failed => {
            let reason = format!("{failed} of {} did not end as planned", counted(cases.len(), "case"));
            (RunState::Failed, Some(reason))
        }
    }
}

/// A plan as recorded.
pub(crate) fn planned(plan: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(plan).context("the plan cannot be written as JSON").map_err(Failure::bug)
}

/// Cases that did not end as planned.
pub(crate) fn failed_cases(cases: &[Case]) -> impl Iterator<Item = &Case> {
    cases.iter().filter(|case| case.state != CaseState::Ok)
}
