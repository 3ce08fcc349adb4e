//! The life cycle of a run: its record is created, grows while the study measures, and ends in a correct state however
//! the study ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::observer::Observer;
use super::recorder::Recorder;
use super::study::{CaseHistogram, RunContext, RunRecord, RunVerdict, StopReason, Study, failed_cases};
use crate::clock::Clock;
use crate::failure::Failure;
use crate::record::{Case, HistogramFiles, HlogPart, RecordError, Run, RunState};
use crate::stats::histogram_of;

/// Folder of the record, observer, and stop flag.
pub(crate) struct RunOptions<'a> {
    /// Folder of the record; `None` for a new one in [`super::LOCAL_RUNS`].
    pub(crate) out: Option<&'a Path>,
    /// Follows the run.
    pub(crate) observer: Rc<dyn Observer>,
    /// Set to stop the run.
    pub(crate) stop: &'a AtomicBool,
}

/// A run that has ended, and its record.
pub(crate) struct FinishedRun {
    /// The record.
    pub(crate) recorder: Recorder,
    /// Its findings.
    pub(crate) verdict: RunVerdict,
    /// Hint for failed cases.
    pub(crate) advice: String,
}

impl FinishedRun {
    /// What the process reports after showing the record: the verdict, or that cases failed. `None` for an interrupted
    /// run.
    pub(crate) fn outcome(&self) -> Result<Option<RunVerdict>, Failure> {
        let run = &self.recorder.run;
        match run.state {
            RunState::Interrupted => Ok(None),
            RunState::Complete => Ok(Some(self.verdict)),
            RunState::Failed | RunState::Running => Err(failure_of(run, &self.advice)),
        }
    }
}

/// Runs a study and keeps its record. If the study fails, the record has what was measured until then.
pub(crate) fn drive<S: Study>(
    study: &S,
    target: &mut S::Target,
    options: &RunOptions<'_>,
) -> Result<FinishedRun, Failure> {
    let manifest = study.manifest(target)?;
    let mut recorder = Recorder::start(options.out, manifest, Rc::clone(&options.observer))?;
    recorder.measures(study.measured_processes(target));
    let mut histograms = WrittenHistograms::default();
    let mut data = S::Data::default();
    let record = RunRecord {
        folder: recorder.path().to_owned(),
        run_id: recorder.run.run_id.clone(),
        started: recorder.run.started,
    };
    let mut incomplete = None;
    let mut keep = |data: &S::Data, complete: Option<&str>| -> Result<(), Failure> {
        recorder.run.cases = study.cases(data, None);
        if let Some(path) = complete {
            let of_case = study.histograms(data).into_iter().filter(|histogram| histogram.case == path);
            histograms.write(&recorder, of_case.collect())?;
        }
        histograms.attach(&mut recorder.run.cases);
        Ok(recorder.save()?)
    };
    let mut context = RunContext {
        observer: &*options.observer,
        stop: options.stop,
        clock: Clock::start(),
        record,
        incomplete: &mut incomplete,
        keep: &mut keep,
    };
    let (end, failure) = match study.run(target, &mut data, &mut context) {
        Ok(end) => (end, None),
        Err(failure) if failure.is_interruption() => (StopReason::Interrupted, None),
        Err(failure) => (StopReason::Failed, Some(failure.during_a_run())),
    };

    if let Some(error) = incomplete {
        recorder.lacks(error);
    }
    recorder.run.cases = study.cases(&data, Some(end));
    recorder.judge_noise();
    recorder.run.findings = study.findings(&data, &recorder.run, end);
    recorder.run.warnings.extend(study.warnings(&data));
    let written = histograms.write(&recorder, study.histograms(&data));
    histograms.attach(&mut recorder.run.cases);
    if let Some(failure) = failure {
        return Err(recorder.fail(failure));
    }
    written?;
    (recorder.run.state, recorder.run.reason) = study.state(&data, &recorder.run.cases, end);
    let (verdict, advice) = (study.verdict(&data, &recorder.run), study.advice(&data, &recorder.run));
    recorder.finish()?;
    Ok(FinishedRun { recorder, verdict, advice })
}

/// The error for a finished run with failed cases. All measurements are saved in any case.
fn failure_of(run: &Run, advice: &str) -> Failure {
    let faults: Vec<String> = failed_cases(&run.cases)
        .map(|case| format!("\n  {}: {}", case.path, case.reason.as_deref().unwrap_or("failed")))
        .collect();
    let reason = run.reason.as_deref().unwrap_or("the run failed");
    let kept = if faults.len() < run.cases.len() { "completed cases are in the record; " } else { "" };
    let failure = Failure::failed(anyhow::anyhow!("{reason}{}", faults.concat()));
    if advice.is_empty() { failure } else { failure.hint(format!("{kept}{advice}")) }
}

/// The histogram files written so far, by case: the cases are rebuilt at each checkpoint.
#[derive(Default)]
struct WrittenHistograms {
    by_case: BTreeMap<String, Vec<(&'static str, HistogramFiles)>>,
}

impl WrittenHistograms {
    /// Writes those that have samples and are not written yet.
    fn write(&mut self, recorder: &Recorder, histograms: Vec<CaseHistogram>) -> Result<(), RecordError> {
        for histogram in histograms {
            let written = self.by_case.entry(histogram.case.clone()).or_default();
            let is_empty = histogram.parts.iter().all(|part| part.samples_ns.is_empty());
            if is_empty || written.iter().any(|(quantity, _)| *quantity == histogram.quantity) {
                continue;
            }
            let Some(case) = recorder.run.cases.iter().find(|case| case.path == histogram.case) else { continue };
            let rows: Vec<_> = histogram.parts.iter().map(|part| histogram_of(&part.samples_ns)).collect();
            let parts: Vec<HlogPart<'_>> = histogram
                .parts
                .iter()
                .zip(&rows)
                .map(|(part, histogram)| HlogPart {
                    tag: part.tag,
                    histogram,
                    start: part.start,
                    duration: part.duration,
                })
                .collect();
            written.push((histogram.quantity, recorder.histograms(case, histogram.quantity, &parts)?));
        }
        Ok(())
    }

    /// Adds the file names to their cases.
    fn attach(&self, cases: &mut [Case]) {
        for case in cases {
            let written = self.by_case.get(&case.path).into_iter().flatten();
            case.histograms = written.map(|(_, files)| files.clone()).collect();
        }
    }
}
