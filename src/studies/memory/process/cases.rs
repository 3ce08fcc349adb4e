//! From samples to the case of the record.

use serde_json::json;

use super::super::super::study::StopReason;
use super::super::gpu_memory;
use super::super::leak_metrics::growth;
use super::sampling::{MemorySnapshot, ProcessSamples};
use crate::advise::{LeakJudgement, Standstill};
use crate::host::{NamedProcess, ProcessMemory};
use crate::plan::{GrowthUnit, MemoryWatchPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Fact, Metric, MetricStatus, Timeline, TimelineSeries};

/// The case so far. It counts as cut off if a planned length was not reached.
pub(super) fn case(
    plan: &MemoryWatchPlan,
    target: &NamedProcess,
    data: &ProcessSamples,
    end: Option<StopReason>,
) -> Case {
    let snapshots = &data.snapshots;
    let judgement = judge(plan, snapshots);
    let mut case = Case {
        path: format!("watched/{}", target.name),
        state: CaseState::Ok,
        reason: None,
        duration_s: data.duration_s(),
        conditions: json!({ "pid": target.pid, "looks": snapshots.len(), "leak": judgement }),
        notes: notes(snapshots),
        metrics: metrics(plan, snapshots, &judgement),
        histograms: Vec::new(),
    };
    timeline(plan, snapshots).keep(&mut case);
    match cut_off(plan, data, end) {
        Some(reason) => case.cut_off(reason),
        None => case,
    }
}

fn cut_off(plan: &MemoryWatchPlan, data: &ProcessSamples, end: Option<StopReason>) -> Option<String> {
    let samples = counted(data.snapshots.len(), "sample");
    let is_short = plan.length_s.is_some();
    match end? {
        StopReason::Failed => Some(format!("ended by an error after {samples}")),
        StopReason::Interrupted if is_short => Some(format!("interrupted after {samples}")),
        _ if is_short && data.process_ended => Some(format!("the process ended after {samples}")),
        _ => None,
    }
}

/// The leak verdict. With counted messages, only the time in which they were counted is judged: a stalled count shows
/// nothing about what the process did meanwhile, and must not clear it.
pub(super) fn judge(plan: &MemoryWatchPlan, snapshots: &[MemorySnapshot]) -> LeakJudgement {
    let judgement = plan.leak.rule.judge(&points(plan, snapshots));
    let (Some(first), Some(last)) = (snapshots.first(), snapshots.last()) else { return judgement };
    if !plan.counts_lines {
        return judgement;
    }
    let still_since = snapshots.iter().find(|snapshot| snapshot.messages == last.messages).unwrap_or(first);
    let bytes = |snapshot: &MemorySnapshot| snapshot.memory.anonymous_bytes.value().map_or(0.0, |bytes| *bytes as f64);
    let standstill = Standstill {
        still_s: last.at_s - still_since.at_s,
        watched_s: last.at_s - first.at_s,
        growth_bytes: bytes(last) - bytes(still_since),
    };
    plan.leak.rule.unless_still(judgement, standstill)
}

/// Anonymous memory by messages or minutes. Of several samples at one message count, the first is used, before anything
/// that happens after the last message.
fn points(plan: &MemoryWatchPlan, snapshots: &[MemorySnapshot]) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for snapshot in snapshots {
        let Some(bytes) = snapshot.memory.anonymous_bytes.value().map(|bytes| *bytes as f64) else { continue };
        let at = match plan.leak.unit {
            GrowthUnit::Message => snapshot.messages as f64,
            GrowthUnit::Minute => snapshot.at_s / 60.0,
        };
        if points.last().is_none_or(|last| last.0 < at) {
            points.push((at, bytes));
        }
    }
    points
}

type ProcessFigure = (&'static str, &'static str, fn(&ProcessMemory) -> &Fact<u64>);

/// Readings of a sample, with their units.
const READINGS: [ProcessFigure; 10] = [
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

/// The slope; then the last value of each reading, and the largest if that was higher.
fn metrics(plan: &MemoryWatchPlan, snapshots: &[MemorySnapshot], judgement: &LeakJudgement) -> Vec<Metric> {
    let mut metrics = vec![growth("growth", plan.leak.unit.word(), judgement)];
    for (name, unit, reading) in READINGS {
        let values: Vec<f64> = snapshots
            .iter()
            .filter_map(|snapshot| reading(&snapshot.memory).value())
            .map(|value| *value as f64)
            .collect();
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
    metrics.extend(gpu_memory::over_time(
        &snapshots.iter().filter_map(|snapshot| snapshot.gpu.as_ref()).collect::<Vec<_>>(),
    ));
    metrics
}

/// Why readings are missing; each reason once.
fn notes(snapshots: &[MemorySnapshot]) -> Vec<String> {
    let Some(last) = snapshots.last() else { return Vec::new() };
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, _, reading) in READINGS {
        let Fact::Failed(reason) = reading(&last.memory) else { continue };
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, names)) => names.push(name),
            None => reasons.push((reason.clone(), vec![name])),
        }
    }
    let own = reasons.into_iter().map(|(reason, names)| format!("Not read: {} ({reason}).", names.join(", ")));
    own.chain(gpu_memory::reasons(snapshots.iter().filter_map(|snapshot| snapshot.gpu.as_ref()))).collect()
}

fn timeline(plan: &MemoryWatchPlan, snapshots: &[MemorySnapshot]) -> Timeline {
    let values = |reading: fn(&ProcessMemory) -> &Fact<u64>| {
        snapshots.iter().map(|snapshot| reading(&snapshot.memory).value().map(|value| *value as f64)).collect()
    };
    let mut series: Vec<TimelineSeries> = READINGS
        .into_iter()
        .filter(|(name, ..)| *name != "peak_resident")
        .map(|(name, unit, reading)| TimelineSeries { name: name.into(), unit: unit.into(), values: values(reading) })
        .collect();
    for (name, reading) in gpu_memory::NAMES.into_iter().zip(gpu_memory::READINGS) {
        let bytes = |snapshot: &MemorySnapshot| reading(snapshot.gpu.as_ref()?).value().map(|bytes| *bytes as f64);
        series.push(TimelineSeries {
            name: name.into(),
            unit: "bytes".into(),
            values: snapshots.iter().map(bytes).collect(),
        });
    }
    if plan.counts_lines {
        let values = snapshots.iter().map(|snapshot| Some(snapshot.messages as f64)).collect();
        series.push(TimelineSeries { name: "messages".into(), unit: "count".into(), values });
    }
    series.retain(|series| series.values.iter().any(Option::is_some));
    Timeline { along: "s".into(), at: snapshots.iter().map(|snapshot| snapshot.at_s).collect(), series }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::study::RunVerdict;
    use super::super::super::gpu_memory::GpuMemory;
    use super::super::super::leak_metrics::verdict;
    use super::super::findings::{findings, warnings};
    use super::*;
    use crate::advise::LeakRule;
    use crate::plan::LeakPlan;

    const MIB: u64 = 1 << 20;

    fn plan(length_s: Option<f64>, counts_lines: bool) -> MemoryWatchPlan {
        let unit = if counts_lines { GrowthUnit::Message } else { GrowthUnit::Minute };
        let leak = LeakPlan { unit, rule: LeakRule { threshold: 512.0, warm_up: 0, grain: 4_096.0 } };
        MemoryWatchPlan { length_s, every_s: 0.5, counts_lines, leak }
    }

    fn target() -> NamedProcess {
        NamedProcess { pid: 42, name: "workly".into(), started_s: 7, resident_bytes: 0 }
    }

    /// Two samples per second, each with one more message, and anonymous memory according to `bytes`.
    fn samples(n: u64, bytes: impl Fn(u64) -> u64) -> ProcessSamples {
        let denied = || Fact::Failed("permission denied".into());
        let snapshot = |at: u64| MemorySnapshot {
            at_s: at as f64 / 2.0,
            messages: at,
            memory: ProcessMemory {
                resident_bytes: Fact::Value(9 * MIB),
                anonymous_bytes: Fact::Value(bytes(at)),
                committed_bytes: Fact::Unsupported,
                file_backed_bytes: Fact::Value(2 * MIB),
                proportional_bytes: denied(),
                private_bytes: denied(),
                swapped_bytes: Fact::Value(0),
                peak_resident_bytes: Fact::Value(9 * MIB),
                threads: Fact::Value(if at == 1 { 5 } else { 3 }),
                handles: Fact::Value(11),
            },
            gpu: (at > 0).then(|| GpuMemory {
                process_bytes: Fact::NotMeasured,
                whole_bytes: if at == 2 { Fact::Value(MIB) } else { Fact::Failed("the driver is gone".into()) },
            }),
        };
        ProcessSamples { snapshots: (0..n).map(snapshot).collect(), ..ProcessSamples::default() }
    }

    fn figure(case: &Case, name: &str) -> (Option<f64>, u64, MetricStatus) {
        let metric = case.metric(name).unwrap_or_else(|| panic!("no {name} in {case:?}"));
        (metric.value, metric.n, metric.status)
    }

    #[test]
    fn readings_have_last_and_largest_value_or_a_reason() {
        let case = case(&plan(None, false), &target(), &samples(3, |at| (10 - at) * MIB), None);
        assert_eq!((case.path.as_str(), case.state, case.duration_s), ("watched/workly", CaseState::Ok, 1.0));
        let mib = |mib: f64| Some(mib * 1_048_576.0);
        assert_eq!(figure(&case, "anonymous"), (mib(8.0), 3, MetricStatus::Ok));
        assert_eq!(figure(&case, "anonymous_max"), (mib(10.0), 3, MetricStatus::Ok));
        assert_eq!(figure(&case, "threads"), (Some(3.0), 3, MetricStatus::Ok));
        assert_eq!(figure(&case, "threads_max"), (Some(5.0), 3, MetricStatus::Ok));
        assert!(case.metric("handles_max").is_none(), "never larger than at the end");
        assert_eq!(figure(&case, "pss"), (None, 0, MetricStatus::Unsupported));
        assert_eq!(figure(&case, "vram_process"), (None, 0, MetricStatus::NotMeasured));
        assert_eq!(figure(&case, "vram_whole_gpu"), (mib(1.0), 1, MetricStatus::Ok));
        assert_eq!(figure(&case, "growth"), (None, 2, MetricStatus::TooFew), "the first fifth is left out");
        assert_eq!(
            case.notes,
            [
                "Not read: pss, private (permission denied).",
                "Missing in some samples: GPU memory (the driver is gone)."
            ]
        );
        let timeline = Timeline::of(&case).unwrap();
        assert_eq!((timeline.along.as_str(), timeline.at), ("s", vec![0.0, 0.5, 1.0]));
        let names: Vec<&str> = timeline.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["anonymous", "file_backed", "swapped", "resident", "threads", "handles", "vram_whole_gpu"]);
    }

    #[test]
    fn shortened_run_has_partial_figures() {
        let (short, long) = (samples(2, |_| MIB), samples(2, |_| MIB));
        let ended = ProcessSamples { process_ended: true, ..short };
        let hour = plan(Some(3_600.0), false);
        for (data, end, reason) in [
            (&long, StopReason::Interrupted, "interrupted after 2 samples"),
            (&long, StopReason::Failed, "ended by an error after 2 samples"),
            (&ended, StopReason::Planned, "the process ended after 2 samples"),
        ] {
            let case = case(&hour, &target(), data, Some(end));
            assert_eq!((case.state, case.reason.as_deref()), (CaseState::Interrupted, Some(reason)));
            assert_eq!(figure(&case, "anonymous").2, MetricStatus::Partial);
        }
        for (data, end) in [(&long, StopReason::Interrupted), (&ended, StopReason::Planned)] {
            let case = case(&plan(None, false), &target(), data, Some(end));
            assert_eq!((case.state, figure(&case, "anonymous").2), (CaseState::Ok, MetricStatus::Ok));
        }
        assert_eq!(warnings(&target(), &ended), ["process 42 ended: it was last seen 0.5 s into the run"]);
    }

    #[test]
    fn leak_verdict_covers_only_counted_messages() {
        let counted = plan(None, true);
        let leaking = samples(400, |at| 10 * MIB + at * 4_096);
        let judgement = judge(&counted, &leaking.snapshots);
        assert_eq!(verdict(&judgement), RunVerdict::Negative);
        assert!(judgement.slope.is_some_and(|slope| (slope.value - 4_096.0).abs() < 1e-6), "{judgement:?}");
        let words = findings(&counted, &leaking, None);
        assert!(words[0].starts_with("LEAK: anonymous memory grows by 4.000 KiB"), "{words:?}");
        // The same memory, with a count that stops at message 100.
        let mut silent = samples(400, |at| 10 * MIB + at.min(100));
        silent.snapshots.iter_mut().for_each(|snapshot| snapshot.messages = snapshot.messages.min(100));
        assert_eq!(verdict(&judge(&counted, &silent.snapshots)), RunVerdict::Done);
        let words = findings(&counted, &silent, None);
        assert!(words[0].contains("no message was counted in the last 149.5 s of 199.5 s"), "{words:?}");
    }
}
