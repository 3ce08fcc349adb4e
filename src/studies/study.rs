//! What a study is: a plan that can be run, and the analysis of what it measured.

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

/// What is known of a run when it starts.
#[derive(Debug)]
pub(crate) struct RunManifest {
    /// The command's name.
    pub(crate) command: &'static str,
    /// What was asked for, resolved to the last default.
    pub(crate) plan: Value,
    /// What is measured.
    pub(crate) subject: Value,
    /// What stands in for the user's own.
    pub(crate) simulated: Vec<Simulation>,
    /// What the reader must know.
    pub(crate) warnings: Vec<String>,
}

/// Why the measuring ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// Everything that was planned was done.
    Planned,
    /// Every figure was known well enough.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Only studies that run a model have budgets.
    Precise,
    /// The budget was spent.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Only studies that run a model have budgets.
    Budget,
    /// A signal asked for it.
    Interrupted,
    /// An error.
    Failed,
}

impl StopReason {
    /// Whether the cases under way were cut off.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Most of its users run a model.
    pub(crate) fn cuts_off(self) -> bool {
        matches!(self, Self::Interrupted | Self::Failed)
    }
}

/// What a run that ended without an error says about what it measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunVerdict {
    /// Nothing speaks against it.
    Done,
    /// Something does: a leak, a regression.
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
    /// What the row is part of; `None` for the total.
    pub(crate) tag: Option<&'static str>,
    /// In nanoseconds.
    pub(crate) samples_ns: Vec<u64>,
    /// When its first sample began, counted from the start of the run.
    pub(crate) start: Duration,
    /// How long it lasted.
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

/// The record of a run under way: where files go that a study writes itself while it measures.
#[derive(Debug, Clone)]
pub(crate) struct RunRecord {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The run's id.
    pub(crate) run_id: String,
    /// When the run started.
    pub(crate) started: Timestamp,
}

/// Writes down what there is. A path names a case that is complete.
pub(super) type Keep<'a, D> = dyn FnMut(&D, Option<&str>) -> Result<(), Failure> + 'a;

/// What a study is given while it measures.
pub(crate) struct RunContext<'a, D> {
    /// Follows the study.
    pub(crate) observer: &'a dyn Observer,
    /// Set to stop the run.
    pub(crate) stop: &'a AtomicBool,
    /// Started with the run: its nanoseconds are those of every histogram.
    pub(crate) clock: Clock,
    /// For files that the study writes itself.
    pub(crate) record: RunRecord,
    /// The first file of its own that it could not complete.
    pub(super) incomplete: &'a mut Option<RecordError>,
    pub(super) keep: &'a mut Keep<'a, D>,
}

impl<D> RunContext<'_, D> {
    /// Whether it is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Writes the record with everything measured so far.
    pub(crate) fn checkpoint(&mut self, data: &D) -> Result<(), Failure> {
        (self.keep)(data, None)
    }

    /// The same, where the case at `path` is complete: its histograms are written too.
    pub(crate) fn complete_case(&mut self, data: &D, path: &str) -> Result<(), Failure> {
        (self.keep)(data, Some(path))
    }

    /// Reports that a file of the study's own is incomplete. The run goes on; its exit code says so in the end.
    pub(crate) fn file_is_incomplete(&mut self, error: RecordError) {
        self.incomplete.get_or_insert(error);
    }
}

/// An experiment: its plan, how it is run, and what its samples come to. The driver gives it the life of a run: the record,
/// checkpoints, interruption, failure, histograms, the end.
pub(crate) trait Study {
    /// Everything measured so far, at any moment.
    type Data: Default;

    /// What is measured: a loaded model, a connection, a process.
    type Target;

    /// What is known when it starts.
    fn manifest(&self, target: &Self::Target) -> Result<RunManifest, Failure>;

    /// Processes that are measured: what they take is no noise.
    fn measured_processes(&self, _target: &Self::Target) -> Vec<u32> {
        Vec::new()
    }

    /// Whether other load on the machine distorts what is measured. The record says nothing of noise where it does not.
    fn is_subject_to_noise(&self) -> bool {
        true
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

    /// What it comes to, in sentences. `run` has the cases, and the verdict on the machine's noise.
    fn findings(&self, data: &Self::Data, run: &Run, end: StopReason) -> Vec<String>;

    /// Samples of the cases, for those that have any.
    fn histograms(&self, _data: &Self::Data) -> Vec<CaseHistogram> {
        Vec::new()
    }

    /// What the reader must know that was found while measuring.
    fn warnings(&self, _data: &Self::Data) -> Vec<String> {
        Vec::new()
    }

    /// How a run ends that met no error: the state of its record, with the reason where it is not complete.
    fn state(&self, _data: &Self::Data, cases: &[Case], end: StopReason) -> (RunState, Option<String>) {
        state_of_cases(cases, end)
    }

    /// What a complete run says about what was measured.
    fn verdict(&self, _data: &Self::Data, _run: &Run) -> RunVerdict {
        RunVerdict::Done
    }

    /// What to try when cases failed.
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

/// A plan as the record has it.
pub(crate) fn planned(plan: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(plan).context("the plan cannot be written as JSON").map_err(Failure::bug)
}

/// Cases that did not end as planned.
pub(crate) fn failed_cases(cases: &[Case]) -> impl Iterator<Item = &Case> {
    cases.iter().filter(|case| case.state != CaseState::Ok)
}
