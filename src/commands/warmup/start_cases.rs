//! The starts as cases of the record: what each kind took, and what each step saves.

use serde_json::json;

use super::starts::{Fault, Starts};
use crate::clock::ms;
use crate::measure::{Readiness, ReplyTimes, StartOutcome, average};
use crate::plan::WarmupPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::{Attribution, Mean, Part, paired_ratio};

/// A way from cold to warm: what is looked at, its steps, and the duration at each end of them.
struct Chain {
    name: &'static str,
    steps: &'static [&'static str],
    at: fn(&Starts, usize) -> Option<Vec<u64>>,
}

/// The steps from a cold start to a later reply.
const STEPS: [&str; 5] = ["page_cache", "load", "context", "warm_generation", "earlier_reply"];

/// Whole waits, waits for the first token, replies by themselves, and loading.
const CHAINS: [Chain; 4] = [
    Chain {
        name: "wait",
        steps: &STEPS,
        at: |starts, at| replies(starts, at, |o| o.wait_ns, |later| later.elapsed_ns),
    },
    Chain {
        name: "wait_first",
        steps: &STEPS,
        at: |starts, at| replies(starts, at, |o| o.wait_first_ns, |later| later.ttft_ns),
    },
    Chain {
        name: "reply",
        steps: &STEPS,
        at: |starts, at| replies(starts, at, |o| o.first.elapsed_ns, |later| later.elapsed_ns),
    },
    Chain { name: "load", steps: &["page_cache", "earlier_load"], at: loads },
];

/// The durations of one round, the cold one first.
fn replies(
    starts: &Starts,
    at: usize,
    first: fn(&StartOutcome) -> u64,
    later: fn(&ReplyTimes) -> u64,
) -> Option<Vec<u64>> {
    let round = &starts.rounds[at];
    let mut values: Vec<u64> = kinds(starts).map(|kind| round.get(&kind).map(first)).collect::<Option<_>>()?;
    values.push(later(round.get(&Readiness::Warmed)?.later.last()?));
    Some(values)
}

fn loads(starts: &Starts, at: usize) -> Option<Vec<u64>> {
    let round = &starts.rounds[at];
    let cached = round.get(&Readiness::Cached)?;
    let cold = round.get(&Readiness::Cold).map(|cold| cold.load_ns);
    let cold = if starts.failed.contains_key(&Readiness::Cold) { None } else { Some(cold?) };
    Some(cold.into_iter().chain([cached.load_ns, cached.load_again_ns]).collect())
}

/// The kinds that a way leads over: all, but for the cold one where it cannot be made.
fn kinds(starts: &Starts) -> impl Iterator<Item = Readiness> {
    let without_cold = starts.failed.contains_key(&Readiness::Cold);
    Readiness::ALL.into_iter().filter(move |kind| !(without_cold && *kind == Readiness::Cold))
}

/// All cases of the starts.
pub(super) fn cases(plan: &WarmupPlan, starts: &Starts) -> Vec<Case> {
    let kinds = Readiness::ALL.into_iter().map(|kind| start(plan, starts, kind));
    kinds.chain(CHAINS.iter().map(|chain| attribution(starts, chain))).collect()
}

fn start(plan: &WarmupPlan, starts: &Starts, kind: Readiness) -> Case {
    let outcomes = starts.of(kind);
    let n = outcomes.len();
    let times = |name: &str, read: &dyn Fn(&StartOutcome) -> Option<u64>| {
        let values: Vec<f64> = outcomes.iter().filter_map(|outcome| read(outcome)).map(ms).collect();
        if values.is_empty() {
            Metric::absent(name, "ms", 0, Direction::Lower, MetricStatus::NotMeasured)
        } else {
            average(name, "ms", &values, Direction::Lower)
        }
    };
    let last = |outcome: &StartOutcome| outcome.later.last().copied();
    let metrics = vec![
        times("wait", &|outcome| Some(outcome.wait_ns)),
        times("wait_first", &|outcome| Some(outcome.wait_first_ns)),
        times("load", &|outcome| Some(outcome.load_ns)),
        times("reply", &|outcome| Some(outcome.first.elapsed_ns)),
        times("ttft", &|outcome| Some(outcome.first.ttft_ns)),
        times("later_reply", &|outcome| last(outcome).map(|later| later.elapsed_ns)),
        times("later_ttft", &|outcome| last(outcome).map(|later| later.ttft_ns)),
        times("context", &|outcome| Some(outcome.context_ns)),
        times("warm_generation", &|outcome| outcome.warm_generation_ns),
        times("load_again", &|outcome| Some(outcome.load_again_ns)),
    ];
    let (state, reason) = match starts.failed.get(&kind) {
        Some(Fault::PageCache(reason)) if n == 0 => (CaseState::NotMeasured, Some(reason.clone())),
        Some(fault) if n == 0 => (CaseState::Failed, Some(fault.reason().into())),
        Some(fault) => (CaseState::Lossy, Some(fault.reason().into())),
        None if starts.interrupted && n < plan.runs as usize => {
            (CaseState::Interrupted, Some(format!("interrupted after {n} of {}", counted(plan.runs, "round"))))
        }
        None => (CaseState::Ok, None),
    };
    let shares: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.cached_share).collect();
    Case {
        path: format!("start/{}", kind.word()),
        state,
        reason,
        duration_s: outcomes.iter().map(|outcome| outcome.wait_ns as f64 / 1e9).sum(),
        conditions: json!({
            "readiness": kind,
            "has_more": kind.step(),
            "n_prompt": outcomes.first().map(|outcome| outcome.first.n_prompt),
            "n_gen": plan.reply_tokens,
            "cached_share_most": shares.iter().copied().reduce(f64::max),
            "cached_share_least": shares.iter().copied().reduce(f64::min),
            "samples_ns": outcomes.iter().map(|outcome| outcome.wait_ns).collect::<Vec<_>>(),
        }),
        notes: Vec::new(),
        metrics: if n == 0 { Vec::new() } else { metrics },
        histograms: Vec::new(),
    }
}

fn attribution(starts: &Starts, chain: &Chain) -> Case {
    let rounds: Vec<Vec<u64>> = (0..starts.rounds.len()).filter_map(|at| (chain.at)(starts, at)).collect();
    let found = Attribution::of(&rounds);
    let is_cold_missing = starts.failed.contains_key(&Readiness::Cold);
    let n = rounds.len() as u64;
    let mut metrics = Vec::new();
    if let Some(found) = &found {
        let end = |at: usize| rounds.iter().map(|round| ms(round[at])).collect::<Vec<_>>();
        let (first, last) = (end(0), end(found.steps.len()));
        metrics.push(average("from", "ms", &first, Direction::Lower));
        let mut steps = found.steps.iter();
        for (at, name) in chain.steps.iter().enumerate() {
            let absent = |status| Metric::absent(name, "ms", 0, Direction::None, status);
            metrics.push(if at == 0 && is_cold_missing {
                absent(MetricStatus::Unsupported)
            } else {
                steps.next().map_or_else(|| absent(MetricStatus::NotMeasured), |step| saved(name, step, n))
            });
        }
        metrics.push(average("to", "ms", &last, Direction::Lower));
        metrics.push(saved("saved", &found.whole, n));
        metrics.push(change(&last, &first));
    }
    let state = match (found.is_some(), starts.interrupted) {
        (true, false) => CaseState::Ok,
        (_, true) => CaseState::Interrupted,
        (false, false) => CaseState::NotMeasured,
    };
    let reason = (state != CaseState::Ok).then(|| format!("{} had every kind of start in it", counted(n, "round")));
    Case {
        path: format!("attribution/{}", chain.name),
        state,
        reason,
        duration_s: 0.0,
        conditions: json!({
            "of": chain.name,
            "steps": chain.steps,
            "sums_ns": found.as_ref().map(|found| found.steps.iter().map(|step| text(step.sum_ns)).collect::<Vec<_>>()),
            "whole_sum_ns": found.as_ref().map(|found| text(found.whole.sum_ns)),
        }),
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    }
}

/// A sum of nanoseconds, wider than numbers of JSON are read everywhere.
fn text(sum_ns: i128) -> String {
    sum_ns.to_string()
}

fn saved(name: &str, part: &Part, n: u64) -> Metric {
    let Mean { value, stddev, interval } = part.mean_ns;
    Metric {
        spread: stddev.map(|ns| ns / 1e6),
        ci_low: interval.map(|interval| interval.0 / 1e6),
        ci_high: interval.map(|interval| interval.1 / 1e6),
        ..Metric::plain(name, "ms", value / 1e6, n, Direction::None)
    }
}

/// By how many per cent the last is away from the first, round by round.
fn change(last: &[f64], first: &[f64]) -> Metric {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    match paired_ratio(last, first) {
        Some(found) => Metric {
            ci_low: found.interval.map(|interval| percent(interval.0)),
            ci_high: found.interval.map(|interval| percent(interval.1)),
            ..Metric::plain("change", "%", percent(found.ratio), found.n as u64, Direction::None)
        },
        None => Metric::absent("change", "%", 0, Direction::None, MetricStatus::TooFew),
    }
}
