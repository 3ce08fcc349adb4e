//! From repetitions to the cases of the record.

use serde_json::json;

use super::super::study::{CaseHistogram, StopReason};
use super::sweep::{CaseSamples, Key, SweepResult, keys};
use crate::measure::{Test, TokenSample, late_frames, token_metrics};
use crate::plan::{Competition, ThreadsPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};

/// The cases so far, in reading order: by load, test and count.
pub(super) fn cases(plan: &ThreadsPlan, result: &SweepResult, end: Option<StopReason>) -> Vec<Case> {
    let cut_off = end.is_some_and(StopReason::cuts_off);
    let measured = result.iter().map(|(key, collected)| case(plan, *key, collected, cut_off));
    let is_missing = |key: &Key| end == Some(StopReason::Budget) && !result.contains_key(key);
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

fn case(plan: &ThreadsPlan, (load, test, threads): Key, collected: &CaseSamples, cut_off: bool) -> Case {
    let samples = &collected.samples;
    let (n_prompt, n_gen) = match test {
        Test::Prompt => (plan.n_prompt, 0),
        Test::Generation => (0, plan.n_gen),
    };
    let mut metrics = token_metrics(samples);
    if load == Competition::Render {
        // Before the CPU use: where the width does not do for all, the last figures are left out.
        metrics.insert(metrics.len() - 1, late_frames(collected.frames));
    }
    metrics.push(memory(collected));
    if cut_off {
        for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
            metric.status = MetricStatus::Partial;
        }
    }
    let oversubscribed = plan.counts.iter().any(|count| count.threads == threads && count.oversubscribed);
    Case {
        path: path(plan, (load, test, threads)),
        state: if cut_off { CaseState::Interrupted } else { CaseState::Ok },
        reason: cut_off.then(|| format!("interrupted after {}", counted(samples.len(), "repetition"))),
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
fn memory(collected: &CaseSamples) -> Metric {
    match collected.anonymous_bytes {
        Some(bytes) => Metric::plain("rss_anon", "bytes", bytes as f64, 1, Direction::Lower),
        None => Metric::absent("rss_anon", "bytes", 0, Direction::Lower, MetricStatus::Unsupported),
    }
}

/// The histograms of all cases: time to the first token, or inter-token latency.
pub(super) fn histograms(plan: &ThreadsPlan, result: &SweepResult) -> Vec<CaseHistogram> {
    let of_case = |(key, collected): (&Key, &CaseSamples)| {
        let samples = &collected.samples;
        let (quantity, samples_ns) = match key.1 {
            Test::Prompt => ("ttft", samples.iter().filter_map(|sample| sample.ttft_ns).collect()),
            Test::Generation => ("itl", samples.iter().flat_map(|sample| sample.inter_token_ns.clone()).collect()),
        };
        let began_ns = samples.first().map_or(0, |sample| sample.began_ns);
        let ended_ns = samples.last().map_or(0, |sample| sample.ended_ns);
        CaseHistogram::total(path(plan, *key), quantity, samples_ns, (began_ns, ended_ns))
    };
    result.iter().map(of_case).collect()
}
