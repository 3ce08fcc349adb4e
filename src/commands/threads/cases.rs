//! From repetitions to the cases of the record.

use std::time::Duration;

use serde_json::json;

use super::super::recorder::Recorder;
use super::sweep::{Collected, Ended, Key, Swept, keys};
use crate::measure::{Test, TokenSample, late_frames, token_metrics};
use crate::plan::{Competition, ThreadsPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, HistogramFiles, HlogPart, Metric, MetricStatus, RecordError};
use crate::stats::histogram_of;

/// The cases so far, in reading order: by load, test and count.
pub(super) fn cases(plan: &ThreadsPlan, swept: &Swept) -> Vec<Case> {
    let measured = swept.cases.iter().map(|(key, collected)| case(plan, *key, collected, swept.ended));
    let is_missing = |key: &Key| swept.ended == Ended::Budget && !swept.cases.contains_key(key);
    measured.chain(keys(plan).filter(is_missing).map(|key| not_measured(plan, key))).collect()
}

fn path(plan: &ThreadsPlan, (load, test, threads): Key) -> String {
    let tokens = match test {
        Test::Prompt => plan.n_prompt,
        Test::Generation => plan.n_gen,
    };
    format!("{}/{}{tokens}/threads={threads}", load.word(), test.word())
}

/// What the budget left no time for.
fn not_measured(plan: &ThreadsPlan, key: Key) -> Case {
    Case {
        path: path(plan, key),
        state: CaseState::NotMeasured,
        reason: Some("the budget was spent before its turn".into()),
        duration_s: 0.0,
        conditions: json!({ "load": key.0.word(), "test": key.1.word(), "n_threads": key.2 }),
        notes: Vec::new(),
        metrics: Vec::new(),
        histograms: Vec::new(),
    }
}

fn case(plan: &ThreadsPlan, (load, test, threads): Key, collected: &Collected, ended: Ended) -> Case {
    let samples = &collected.samples;
    let (n_prompt, n_gen) = match test {
        Test::Prompt => (plan.n_prompt, 0),
        Test::Generation => (0, plan.n_gen),
    };
    let interrupted = ended == Ended::Interrupted;
    let mut metrics = token_metrics(samples);
    if load == Competition::Render {
        // Before the CPU use: where the width does not do for all, the last figures are left out.
        metrics.insert(metrics.len() - 1, late_frames(collected.frames));
    }
    metrics.push(memory(collected));
    if interrupted {
        for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
            metric.status = MetricStatus::Partial;
        }
    }
    let oversubscribed = plan.counts.iter().any(|count| count.threads == threads && count.oversubscribed);
    Case {
        path: path(plan, (load, test, threads)),
        state: if interrupted { CaseState::Interrupted } else { CaseState::Ok },
        reason: interrupted.then(|| format!("interrupted after {}", counted(samples.len(), "repetition"))),
        duration_s: samples.iter().map(|sample| sample.elapsed_ns as f64 / 1e9).sum(),
        conditions: json!({
            "load": load.word(),
            "test": test.word(),
            "n_prompt": n_prompt,
            "n_gen": n_gen,
            "n_depth": 0,
            "n_threads": threads,
            "n_threads_batch": threads,
            "oversubscribed": oversubscribed,
            "test_time": collected.began,
            "samples_ns": samples.iter().map(|sample| sample.elapsed_ns).collect::<Vec<_>>(),
            "samples_ts": samples.iter().map(TokenSample::tokens_per_s).collect::<Vec<_>>(),
        }),
        notes: oversubscribed
            .then(|| "Oversubscribed: more threads than CPUs that this process may use.".to_owned())
            .into_iter()
            .collect(),
        metrics,
        histograms: Vec::new(),
    }
}

/// Anonymous memory of the process: without the mapped weights, which are file pages.
fn memory(collected: &Collected) -> Metric {
    match collected.anonymous_bytes {
        Some(bytes) => Metric::plain("rss_anon", "bytes", bytes as f64, 1, Direction::Lower),
        None => Metric::absent("rss_anon", "bytes", 0, Direction::Lower, MetricStatus::Unsupported),
    }
}

/// Writes the histograms of all cases: time to the first token, or inter-token latency.
pub(super) fn write_histograms(recorder: &mut Recorder, swept: &Swept) -> Result<(), RecordError> {
    let collected = swept.cases.iter().map(|((_, test, _), collected)| (*test, collected));
    let mut files = Vec::new();
    // The cases of the record are in the order of those that they were made from.
    for (case, (test, collected)) in recorder.run.cases.iter().zip(collected) {
        files.push(files_of(recorder, case, test, collected)?);
    }
    for (case, files) in recorder.run.cases.iter_mut().zip(files) {
        case.histograms = vec![files];
    }
    Ok(())
}

fn files_of(
    recorder: &Recorder,
    case: &Case,
    test: Test,
    collected: &Collected,
) -> Result<HistogramFiles, RecordError> {
    let (quantity, samples_ns): (&str, Vec<u64>) = match test {
        Test::Prompt => ("ttft", collected.samples.iter().filter_map(|sample| sample.ttft_ns).collect()),
        Test::Generation => {
            ("itl", collected.samples.iter().flat_map(|sample| sample.inter_token_ns.iter().copied()).collect())
        }
    };
    let histogram = histogram_of(&samples_ns);
    let at = |ns: Option<u64>| Duration::from_nanos(ns.unwrap_or(0));
    let start = at(collected.samples.first().map(|sample| sample.began_ns));
    let end = at(collected.samples.last().map(|sample| sample.ended_ns));
    let parts = [HlogPart { tag: None, histogram: &histogram, start, duration: end.saturating_sub(start) }];
    recorder.histograms(case, quantity, &parts)
}
