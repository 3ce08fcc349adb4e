//! Keeps the run on disk while it grows: after each case, everything measured so far is whole in the record's folder.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;

use super::failure::Failure;
use crate::advise::Recommendation;
use crate::clock::Clock;
use crate::host::{self, NoiseMonitor};
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, LogLevel};
use crate::record::{
    Case, HistogramFiles, HlogPart, MachineNoise, RecordError, RecordFolder, Run, RunState, SCHEMA, Simulation,
};
use crate::report;

/// Where runs go unless `--out` says otherwise; git ignores it.
pub(super) const LOCAL_RUNS: &str = "results/local";

/// What is known of a run when it starts.
pub(super) struct Beginning {
    /// The command's name.
    pub(super) command: &'static str,
    /// What was asked for, resolved to the last default.
    pub(super) plan: Value,
    /// What is measured.
    pub(super) subject: Value,
    /// What stands in for the user's own.
    pub(super) simulated: Vec<Simulation>,
    /// What the reader must know.
    pub(super) warnings: Vec<String>,
}

/// A run and its folder.
pub(super) struct Recorder {
    folder: RecordFolder,
    /// The machine's noise since the start; `None` once it was judged, and where it means nothing.
    noise: Option<(NoiseMonitor, Clock)>,
    pub(super) run: Run,
}

impl Recorder {
    /// Makes the folder, and writes the run as it starts.
    pub(super) fn start(out: Option<&Path>, beginning: Beginning) -> Result<Self, RecordError> {
        let Beginning { command, plan, subject, simulated, warnings } = beginning;
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
        folder.write_run(&run)?;
        Ok(Self { folder, noise: Some((NoiseMonitor::start(), Clock::start())), run })
    }

    /// For a run that measures nothing itself, or whose subject is what others do: the machine's noise has no meaning there.
    pub(super) fn without_noise(self) -> Self {
        Self { noise: None, ..self }
    }

    /// These processes are what is measured, and no noise.
    pub(super) fn measures(&mut self, pids: impl IntoIterator<Item = u32>) {
        if let Some((monitor, _)) = &mut self.noise {
            pids.into_iter().for_each(|pid| monitor.count_as_own(pid));
        }
    }

    /// Judges the machine's noise from the start until now, once. Whatever decides from the figures asks this first.
    pub(super) fn judge_noise(&mut self) -> MachineNoise {
        if let Some((monitor, clock)) = self.noise.take() {
            self.run.machine_noise = Some(monitor.noise(clock.now_ns() as f64 / 1e9));
        }
        self.run.noise()
    }

    /// Where the record is.
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the histograms of one quantity of a case that ended.
    pub(super) fn histograms(
        &self,
        case: &Case,
        quantity: &str,
        parts: &[HlogPart<'_>],
    ) -> Result<HistogramFiles, RecordError> {
        let mut comments = vec![format!("[{} {} in ns]", self.run.run_id, case.path)];
        comments
            .extend(self.run.simulated.iter().map(|what| format!("[SIMULATED: {} {}]", what.what, what.parameters)));
        self.folder.write_histograms(&case.file_stem(), quantity, self.run.started, &comments, parts)
    }

    /// Adds a case, and writes the run with it.
    pub(super) fn add(&mut self, case: Case) -> Result<(), RecordError> {
        self.run.cases.push(case);
        self.folder.write_run(&self.run)
    }

    /// Writes the run as it is now.
    pub(super) fn save(&self) -> Result<(), RecordError> {
        self.folder.write_run(&self.run)
    }

    /// Writes what happened during the run.
    pub(super) fn events(&self, csv: &str) -> Result<(), RecordError> {
        self.folder.write_events(csv)
    }

    /// Keeps what llama.cpp said at that level or above, beside the record. Returns the lines.
    #[cfg(feature = "llama")]
    pub(super) fn log(&self, backend: &Backend, least: LogLevel) -> Result<Vec<String>, RecordError> {
        let said: Vec<String> = backend.log().lines(least).into_iter().map(|line| line.text).collect();
        self.folder.write_log(&(said.join("\n") + "\n"))?;
        Ok(said)
    }

    /// Writes what a run of `recommend` came to.
    pub(super) fn recommendation(&self, recommendation: &Recommendation) -> Result<(), RecordError> {
        let json = serde_json::to_string_pretty(recommendation).unwrap_or_default();
        self.folder.write_recommendation(&(json + "\n"))
    }

    /// Leaves what was measured until then as a run that failed for this reason, which it hands back.
    pub(super) fn fail(&mut self, failure: Failure) -> Failure {
        (self.run.state, self.run.reason) = (RunState::Failed, Some(failure.reason()));
        // A record that cannot be written either is the lesser fault.
        let _ = self.finish();
        failure
    }

    /// Writes the finished run and its report.
    pub(super) fn finish(&mut self) -> Result<(), RecordError> {
        self.judge_noise();
        self.run.finished = Some(Timestamp::now());
        self.folder.write_run(&self.run)?;
        self.folder.write_report(&report::markdown(&self.run))
    }
}
