//! Another process, watched while it is used.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::super::report::{rendered, show_record};
use super::judged::{exit, growth, sentence};
use super::lines::{Lines, LinesError};
use super::vram::{self, Vram, VramReader};
use crate::advise::{LeakJudgement, Standstill};
use crate::cli::MemoryArgs;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::host::{self, NamedProcess, ProcessMemory};
use crate::plan::{GrowthUnit, MemoryWatchPlan};
use crate::record::{Case, CaseState, Direction, Fact, Metric, MetricStatus, RecordError, RunState, Series, Timeline};
use crate::studies::ended_by;
use crate::studies::{Recorder, RunManifest};
use crate::term::{Printer, Progress};

/// How often the record is written while the watch goes on, in seconds.
const SAVE_EVERY_S: f64 = 5.0;
/// The longest that Ctrl-C waits.
const NAP: Duration = Duration::from_millis(50);

/// Why the watch could not go on.
#[derive(Debug, thiserror::Error)]
pub(super) enum WatchError {
    /// The record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The file whose lines count messages.
    #[error(transparent)]
    Lines(#[from] LinesError),
}

/// One look at the process.
struct Look {
    at_s: f64,
    /// Messages so far, where they are counted.
    messages: u64,
    memory: ProcessMemory,
    /// GPU memory, where it was asked for.
    vram: Option<Vram>,
}

/// Why the watch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    InTime,
    Stopped,
    ProcessGone,
}

/// Watches, and says what came out.
pub(super) fn run(
    args: &MemoryArgs,
    target: &NamedProcess,
    printer: Printer,
    stop: &AtomicBool,
) -> Result<Exit, Failure> {
    let plan = MemoryWatchPlan::resolve(args);
    let gpus = args.vram.then(open_gpus);
    let mut lines = args.count_lines.as_deref().map(Lines::open).transpose().map_err(WatchError::from)?;
    let beginning = RunManifest {
        command: "memory",
        plan: serde_json::to_value(&plan).unwrap_or_default(),
        subject: json!({ "process": target.name, "pid": target.pid }),
        simulated: Vec::new(),
        warnings: Vec::new(),
    };
    let mut recorder = Recorder::start(args.out.as_deref(), beginning, std::rc::Rc::new(printer))?;
    recorder.measures([target.pid]);
    let looks = plan.length_s.map_or(0.0, |length_s| length_s / plan.every_s);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A count that an hour and a millisecond bound.
    let progress = Progress::start(printer, &format!("watching {} ({})", target.name, target.pid), looks as u64);
    let watched = watch(&plan, target, lines.as_mut(), gpus.as_ref(), stop, &progress, |looks| {
        recorder.run.cases = vec![case(&plan, target, looks, None).0];
        recorder.save()
    });
    progress.clear();
    let (looks, ended) = match watched {
        Ok(watched) => watched,
        Err(error) => {
            let failure = Failure::from(error);
            (recorder.run.state, recorder.run.reason) = (RunState::Failed, Some(failure.reason()));
            recorder.finish()?;
            return Err(failure);
        }
    };
    recorder.run.warnings.extend(lines.iter().flat_map(Lines::remarks));
    let judgement = conclude(&mut recorder, &plan, target, gpus.as_ref(), &looks, ended)?;
    show_record(&recorder, &rendered(&recorder.run, args.format, printer)?, printer)?;
    Ok(match recorder.run.state {
        RunState::Interrupted => Exit::Interrupted,
        RunState::Failed => Exit::Failed,
        _ => exit(&judgement),
    })
}

fn conclude(
    recorder: &mut Recorder,
    plan: &MemoryWatchPlan,
    target: &NamedProcess,
    gpus: Option<&VramReader>,
    looks: &[Look],
    ended: Ended,
) -> Result<LeakJudgement, RecordError> {
    let seen_s = looks.last().map_or(0.0, |look| look.at_s);
    (recorder.run.state, recorder.run.reason) = match (ended, plan.length_s) {
        (Ended::Stopped, Some(_)) => (RunState::Interrupted, Some(ended_by())),
        (Ended::ProcessGone, Some(length_s)) => {
            let reason = format!("process {} ended: it was last seen at {seen_s:.1} s of {length_s:.1} s", target.pid);
            (RunState::Failed, Some(reason))
        }
        _ => (RunState::Complete, None),
    };
    if ended == Ended::ProcessGone {
        recorder
            .run
            .warnings
            .push(format!("process {} ended: it was last seen {seen_s:.1} s into the watch", target.pid));
    }
    let (case, judgement) = case(plan, target, looks, recorder.run.reason.clone());
    recorder.run.cases = vec![case];
    recorder.run.findings = vec![sentence("anonymous memory", &plan.leak, &judgement)];
    recorder.run.findings.extend(gpus.map(VramReader::in_words));
    recorder.finish()?;
    Ok(judgement)
}

/// Who tells of the GPUs' memory. ggml is not started where the driver tells: it would take memory of the card itself.
fn open_gpus() -> VramReader {
    let driver = VramReader::of_driver();
    #[cfg(feature = "llama")]
    if let (VramReader::Nobody(_), Ok(backend)) = (&driver, crate::llm::engine::Backend::start()) {
        return driver.or_ggml(backend);
    }
    driver
}

/// Looks until something ends it. `keep` writes down what there is.
fn watch(
    plan: &MemoryWatchPlan,
    target: &NamedProcess,
    mut lines: Option<&mut Lines>,
    gpus: Option<&VramReader>,
    stop: &AtomicBool,
    progress: &Progress,
    mut keep: impl FnMut(&[Look]) -> Result<(), RecordError>,
) -> Result<(Vec<Look>, Ended), WatchError> {
    let clock = Clock::start();
    let now_s = || clock.now_ns() as f64 / 1e9;
    let (mut looks, mut saved_s) = (Vec::new(), 0.0);
    loop {
        let at_s = now_s();
        let messages = lines.as_mut().map_or(Ok(0), |lines| lines.count(stop))?;
        match ProcessMemory::of(target.pid) {
            Ok(memory) if is_still(target) => {
                let vram = gpus.map(|gpus| gpus.read(target.pid));
                looks.push(Look { at_s, messages, memory, vram });
            }
            _ => {
                // The last look may have met it while it gave its memory back.
                looks.pop();
                return Ok((looks, Ended::ProcessGone));
            }
        }
        progress.counter().fetch_add(1, Ordering::Relaxed);
        if at_s - saved_s >= SAVE_EVERY_S {
            keep(&looks)?;
            saved_s = at_s;
        }
        let next_s = looks.len() as f64 * plan.every_s;
        if plan.length_s.is_some_and(|length_s| next_s > length_s) {
            return Ok((looks, Ended::InTime));
        }
        loop {
            if stop.load(Ordering::Relaxed) {
                return Ok((looks, Ended::Stopped));
            }
            let left_s = next_s - now_s();
            if left_s <= 0.0 {
                break;
            }
            thread::sleep(NAP.min(Duration::from_secs_f64(left_s)));
        }
    }
}

/// Whether the number still belongs to that process: the system gives numbers out again.
fn is_still(target: &NamedProcess) -> bool {
    host::process_numbered(target.pid).is_ok_and(|now| now.is_some_and(|now| now.started_s == target.started_s))
}

/// The case of the record, and how its memory is judged.
fn case(
    plan: &MemoryWatchPlan,
    target: &NamedProcess,
    looks: &[Look],
    reason: Option<String>,
) -> (Case, LeakJudgement) {
    let judgement = judge(plan, looks);
    let mut case = Case {
        path: format!("watched/{}", target.name),
        state: if reason.is_some() { CaseState::Interrupted } else { CaseState::Ok },
        duration_s: looks.last().map_or(0.0, |look| look.at_s),
        conditions: json!({ "pid": target.pid, "looks": looks.len(), "leak": judgement }),
        notes: notes(looks),
        metrics: metrics(plan, looks, &judgement),
        histograms: Vec::new(),
        reason,
    };
    timeline(plan, looks).keep(&mut case);
    (case, judgement)
}

/// How the memory is judged. What is counted by messages is judged only as far as they were counted: a count that stands still
/// says nothing of what the process did meanwhile, and clears nobody.
fn judge(plan: &MemoryWatchPlan, looks: &[Look]) -> LeakJudgement {
    let judgement = plan.leak.rule.judge(&points(plan, looks));
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else { return judgement };
    if !plan.counts_lines {
        return judgement;
    }
    let still_since = looks.iter().find(|look| look.messages == last.messages).unwrap_or(first);
    let bytes = |look: &Look| look.memory.anonymous_bytes.value().map_or(0.0, |bytes| *bytes as f64);
    let standstill = Standstill {
        still_s: last.at_s - still_since.at_s,
        watched_s: last.at_s - first.at_s,
        growth_bytes: bytes(last) - bytes(still_since),
    };
    plan.leak.rule.unless_still(judgement, standstill)
}

/// Anonymous memory by messages or minutes: of several looks at one number of messages the first, which is not yet that of
/// whatever comes after the last message.
fn points(plan: &MemoryWatchPlan, looks: &[Look]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for look in looks {
        let Some(bytes) = look.memory.anonymous_bytes.value().map(|bytes| *bytes as f64) else { continue };
        let at = match plan.leak.unit {
            GrowthUnit::Message => look.messages as f64,
            GrowthUnit::Minute => look.at_s / 60.0,
        };
        if points.last().is_none_or(|last| last.0 < at) {
            points.push((at, bytes));
        }
    }
    points
}

type Reading = (&'static str, &'static str, fn(&ProcessMemory) -> &Fact<u64>);

/// What is read at each look, with its unit.
const READINGS: [Reading; 10] = [
    ("anonymous", "bytes", |memory| &memory.anonymous_bytes),
    ("committed", "bytes", |memory| &memory.committed_bytes),
    ("file_backed", "bytes", |memory| &memory.file_backed_bytes),
    ("pss", "bytes", |memory| &memory.proportional_bytes),
    ("private", "bytes", |memory| &memory.private_bytes),
    ("swapped", "bytes", |memory| &memory.swapped_bytes),
    ("resident", "bytes", |memory| &memory.resident_bytes),
    ("peak_resident", "bytes", |memory| &memory.peak_resident_bytes),
    ("threads", "count", |memory| &memory.threads),
    ("handles", "count", |memory| &memory.handles),
];

/// The slope; then of each reading the last value, and the largest where it was larger.
fn metrics(plan: &MemoryWatchPlan, looks: &[Look], judgement: &LeakJudgement) -> Vec<Metric> {
    let mut metrics = vec![growth("growth", plan.leak.unit.word(), judgement)];
    for (name, unit, reading) in READINGS {
        let values: Vec<f64> =
            looks.iter().filter_map(|look| reading(&look.memory).value()).map(|value| *value as f64).collect();
        let n = values.len() as u64;
        let (Some(last), Some(largest)) = (values.last(), values.iter().copied().reduce(f64::max)) else {
            metrics.push(Metric::absent(name, unit, 0, Direction::Lower, MetricStatus::Unsupported));
            continue;
        };
        metrics.push(Metric::plain(name, unit, *last, n, Direction::Lower));
        if largest > *last {
            metrics.push(Metric::plain(&format!("{name}_max"), unit, largest, n, Direction::Lower));
        }
    }
    metrics.extend(vram::over_time(&looks.iter().filter_map(|look| look.vram.as_ref()).collect::<Vec<_>>()));
    metrics
}

/// Why readings are missing, each reason once.
fn notes(looks: &[Look]) -> Vec<String> {
    let Some(last) = looks.last() else { return Vec::new() };
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, _, reading) in READINGS {
        let Fact::Failed(reason) = reading(&last.memory) else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((reason.clone(), vec![name])),
        }
    }
    let own = reasons.into_iter().map(|(reason, names)| format!("Not read: {} ({reason}).", names.join(", ")));
    own.chain(vram::reasons(looks.iter().filter_map(|look| look.vram.as_ref()))).collect()
}

fn timeline(plan: &MemoryWatchPlan, looks: &[Look]) -> Timeline {
    let values = |reading: fn(&ProcessMemory) -> &Fact<u64>| {
        looks.iter().map(|look| reading(&look.memory).value().map(|value| *value as f64)).collect()
    };
    let mut series: Vec<Series> = READINGS
        .into_iter()
        .filter(|(name, ..)| *name != "peak_resident")
        .map(|(name, unit, reading)| Series { name: name.into(), unit: unit.into(), values: values(reading) })
        .collect();
    for (name, reading) in vram::NAMES.into_iter().zip(vram::READINGS) {
        let bytes = |look: &Look| reading(look.vram.as_ref()?).value().map(|bytes| *bytes as f64);
        series.push(Series { name: name.into(), unit: "bytes".into(), values: looks.iter().map(bytes).collect() });
    }
    if plan.counts_lines {
        let values = looks.iter().map(|look| Some(look.messages as f64)).collect();
        series.push(Series { name: "messages".into(), unit: "count".into(), values });
    }
    series.retain(|series| series.values.iter().any(Option::is_some));
    Timeline { along: "s".into(), at: looks.iter().map(|look| look.at_s).collect(), series }
}
