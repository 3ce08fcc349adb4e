//! The one life of a run: its record begins, grows while the study measures, and ends true whatever ends the study.

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

/// Where the record goes, who follows, and who may end it.
pub(crate) struct RunOptions<'a> {
    /// The folder of the record; `None` for one of its own below [`super::LOCAL_RUNS`].
    pub(crate) out: Option<&'a Path>,
    /// Follows the run.
    pub(crate) observer: Rc<dyn Observer>,
    /// Raised when it is to end.
    pub(crate) stop: &'a AtomicBool,
}

/// A run that has ended, and its record.
pub(crate) struct FinishedRun {
    /// The record.
    pub(crate) recorder: Recorder,
    /// What it says of what was measured.
    pub(crate) verdict: RunVerdict,
    /// What to try where cases failed.
    pub(crate) advice: String,
}

impl FinishedRun {
    /// What the process is to report once the record was shown: the verdict, or that cases failed. `None` for a run that was
    /// interrupted.
    pub(crate) fn outcome(&self) -> Result<Option<RunVerdict>, Failure> {
        let run = &self.recorder.run;
        match run.state {
            RunState::Interrupted => Ok(None),
            RunState::Complete => Ok(Some(self.verdict)),
            RunState::Failed | RunState::Running => Err(failure_of(run, &self.advice)),
        }
    }
}

/// Runs a study from its record's first line to its last. An error of the study leaves what was measured before it.
pub(crate) fn drive<S: Study>(
    study: &S,
    target: &mut S::Target,
    options: &RunOptions<'_>,
) -> Result<FinishedRun, Failure> {
    let manifest = study.manifest(target)?;
    let mut recorder = Recorder::start(options.out, manifest, Rc::clone(&options.observer))?;
    if !study.is_subject_to_noise() {
        recorder = recorder.without_noise();
    }
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

/// That cases of a finished run failed. What was measured is saved in any case.
fn failure_of(run: &Run, advice: &str) -> Failure {
    let faults: Vec<String> = failed_cases(&run.cases)
        .map(|case| format!("\n  {}: {}", case.path, case.reason.as_deref().unwrap_or("failed")))
        .collect();
    let reason = run.reason.as_deref().unwrap_or("the run failed");
    let kept = if faults.len() < run.cases.len() { "completed cases are in the record; " } else { "" };
    let failure = Failure::failed(anyhow::anyhow!("{reason}{}", faults.concat()));
    if advice.is_empty() { failure } else { failure.hint(format!("{kept}{advice}")) }
}

/// The histogram files that were written, by case: the cases are made anew at each checkpoint.
#[derive(Default)]
struct WrittenHistograms {
    by_case: BTreeMap<String, Vec<(&'static str, HistogramFiles)>>,
}

impl WrittenHistograms {
    /// Writes those that are not written yet and hold samples.
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

    /// Names the files in their cases.
    fn attach(&self, cases: &mut [Case]) {
        for case in cases {
            let written = self.by_case.get(&case.path).into_iter().flatten();
            case.histograms = written.map(|(_, files)| files.clone()).collect();
        }
    }
}
