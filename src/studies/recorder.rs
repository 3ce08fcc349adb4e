//! Keeps the run on disk while it grows: after each case, everything measured so far is complete in the record's
//! folder.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jiff::Timestamp;

use super::observer::Observer;
use super::study::RunManifest;
use crate::advise::Recommendation;
use crate::clock::Clock;
use crate::failure::Failure;
use crate::host::{self, NoiseMonitor};
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, LogLevel};
#[cfg(feature = "llama")]
use crate::record::LOG_FILE;
use crate::record::{
    Case, EVENTS_FILE, HistogramFiles, Histograms, HlogPart, RECOMMENDATION_FILE, RecordError, RecordFolder,
    RecordSaver, Run, RunState, SCHEMA,
};
use crate::report;

/// Default location of records; ignored by git.
pub(crate) const LOCAL_RUNS: &str = "results/local";

/// A run and its folder. A full disk does not end a run: what cannot be written is retried at each save, and
/// [`Recorder::settle`] reports what is missing in the end, after the figures have been shown.
pub(crate) struct Recorder {
    path: PathBuf,
    saver: RefCell<RecordSaver>,
    /// What is missing in the end, from the record or a file next to it.
    lacking: RefCell<Option<RecordError>>,
    has_warned: Cell<bool>,
    observer: Rc<dyn Observer>,
    /// Machine noise since the start; `None` after it was judged, and if it has no meaning.
    noise: Option<(NoiseMonitor, Clock)>,
    pub(crate) run: Run,
}

impl Recorder {
    /// Creates the folder and writes the initial state of the run.
    pub(crate) fn start(
        out: Option<&Path>,
        manifest: RunManifest,
        observer: Rc<dyn Observer>,
    ) -> Result<Self, RecordError> {
        let RunManifest { command, plan, subject, simulated, mut warnings } = manifest;
        let pins = host::openmp_pinning().filter(|_| cfg!(feature = "llama"));
        warnings
            .extend(pins.map(|variable| format!("{variable}: the OpenMP runtime pins the model's threads to CPUs")));
        let started = Timestamp::now();
        let folder = match out {
            Some(path) => RecordFolder::create(path)?,
            None => RecordFolder::create_in(Path::new(LOCAL_RUNS), started, command)?,
        };
        let run = Run {
            schema: SCHEMA,
            run_id: format!("{}-{command}-{:04x}", started.strftime("%Y%m%dT%H%M%SZ"), rand::random::<u16>()),
            command: command.into(),
            state: RunState::Running,
            reason: None,
            started,
            finished: None,
            simulated,
            subject,
            plan,
            build: host::build(),
            machine: host::machine(),
            machine_noise: None,
            findings: Vec::new(),
            warnings,
            cases: Vec::new(),
        };
        let path = folder.path().to_owned();
        let saver = RefCell::new(RecordSaver::start(folder, &run)?);
        let noise = run.is_subject_to_noise().then(|| (NoiseMonitor::start(), Clock::start()));
        Ok(Self { path, saver, lacking: RefCell::new(None), has_warned: Cell::new(false), observer, noise, run })
    }

    /// Counts these processes as measured, not as noise.
    pub(crate) fn measures(&mut self, pids: impl IntoIterator<Item = u32>) {
        if let Some((monitor, _)) = &mut self.noise {
            pids.into_iter().for_each(|pid| monitor.count_as_own(pid));
        }
    }

    /// Judges the machine noise from the start until now, once. Anything that decides from the figures calls this
    /// first.
    pub(crate) fn judge_noise(&mut self) {
        if let Some((monitor, clock)) = self.noise.take() {
            self.run.machine_noise = Some(monitor.noise(clock.now_ns() as f64 / 1e9));
        }
    }

    /// Path of the record.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the histograms of one quantity of a finished case.
    pub(crate) fn histograms(
        &self,
        case: &Case,
        quantity: &str,
        parts: &[HlogPart<'_>],
    ) -> Result<HistogramFiles, RecordError> {
        let mut comments = vec![format!("[{} {} in ns]", self.run.run_id, case.path)];
        comments
            .extend(self.run.simulated.iter().map(|what| format!("[SIMULATED: {} {}]", what.what, what.parameters)));
        let stem = case.file_stem();
        let histograms = Histograms { stem: &stem, quantity, started: self.run.started, comments: &comments, parts };
        let files = self.saver.borrow_mut().histograms(&histograms)?;
        self.warn();
        Ok(files)
    }

    /// Writes the current state of the run.
    pub(crate) fn save(&self) -> Result<(), RecordError> {
        self.saver.borrow_mut().save(&self.run)?;
        self.warn();
        Ok(())
    }

    /// Writes the events of the run.
    pub(crate) fn events(&self, csv: &str) {
        self.file(EVENTS_FILE, csv);
    }

    /// Saves llama.cpp's log of that level or above in the record. Returns the lines.
    #[cfg(feature = "llama")]
    pub(crate) fn log(&self, backend: &Backend, least: LogLevel) -> Vec<String> {
        let said: Vec<String> = backend.log().lines(least).into_iter().map(|line| line.text).collect();
        self.file(LOG_FILE, &(said.join("\n") + "\n"));
        said
    }

    /// Writes the result of a `recommend` run.
    pub(crate) fn recommendation(&self, recommendation: &Recommendation) {
        let json = serde_json::to_string_pretty(recommendation).unwrap_or_default();
        self.file(RECOMMENDATION_FILE, &(json + "\n"));
    }

    fn file(&self, name: &str, text: &str) {
        self.saver.borrow_mut().file(name, text);
        self.warn();
    }

    /// Warns once, immediately, that the disk is full: there may be time to free space.
    fn warn(&self) {
        let saver = self.saver.borrow();
        if let Some(refused) = saver.refused().filter(|_| !self.has_warned.replace(true)) {
            let text = format!("{refused}: the run continues and retries with each save");
            self.observer.warning(&text);
        }
    }

    /// Saves the measurements so far as a failed run with this reason, and returns the failure.
    pub(crate) fn fail(&mut self, failure: Failure) -> Failure {
        (self.run.state, self.run.reason) = (RunState::Failed, Some(failure.reason()));
        let failure = failure.with_record(&self.path);
        let kept = self.finish().and_then(|()| self.settle());
        if let Err(error) = kept {
            // The lesser fault, but it must not be silent.
            self.observer.warning(&error.to_string());
        }
        failure
    }

    /// Records, for [`Recorder::settle`], that a file next to the record is incomplete.
    pub(crate) fn lacks(&self, error: RecordError) {
        self.lacking.borrow_mut().get_or_insert(error);
    }

    /// Writes the finished run and its report. [`Recorder::settle`] reports what could not be written.
    pub(crate) fn finish(&mut self) -> Result<(), RecordError> {
        self.judge_noise();
        self.run.finished = Some(Timestamp::now());
        match self.saver.get_mut().finish(&mut self.run, report::markdown) {
            Err(error @ RecordError::Inconsistent { .. }) => Err(error),
            Err(error) => {
                self.lacks(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// What the finished record lacks, as an error; called after the figures have been shown.
    pub(crate) fn settle(&self) -> Result<(), RecordError> {
        self.lacking.borrow_mut().take().map_or(Ok(()), Err)
    }
}

impl Drop for Recorder {
    /// A run abandoned because of an error must not stay `running`.
    fn drop(&mut self) {
        if self.run.state == RunState::Running {
            (self.run.state, self.run.reason) = (RunState::Failed, Some("ended early by an error".into()));
            // Its own error is already being reported.
            let _ = self.finish();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::observer::Unobserved;
    use super::*;

    fn started(folder: &Path) -> Recorder {
        let (plan, subject) = (Value::Null, Value::Null);
        let manifest = RunManifest { command: "ipc", plan, subject, simulated: Vec::new(), warnings: Vec::new() };
        Recorder::start(Some(folder), manifest, Rc::new(Unobserved)).unwrap()
    }

    #[test]
    fn abandoned_run_does_not_stay_running() {
        let temp = tempfile::tempdir().unwrap();
        drop(started(temp.path()));
        let run = RecordFolder::read(temp.path()).unwrap();
        assert_eq!(run.state, RunState::Failed);
        assert_eq!(run.reason.as_deref(), Some("ended early by an error"));
        assert!(run.finished.is_some());
    }

    #[test]
    fn missing_files_are_reported_once_after_the_end() {
        let temp = tempfile::tempdir().unwrap();
        let mut recorder = started(temp.path());
        // A folder in the way prevents writing the file.
        std::fs::create_dir(temp.path().join("report.md")).unwrap();
        std::fs::write(temp.path().join("report.md/x"), "").unwrap();
        recorder.run.state = RunState::Complete;
        recorder.finish().unwrap();
        let says = recorder.settle().unwrap_err().to_string();
        assert!(says.starts_with("the record is incomplete: report.md could not be written: "), "{says}");
        assert!(recorder.settle().is_ok());
        assert_eq!(RecordFolder::read(temp.path()).unwrap().state, RunState::Complete);
    }
}
