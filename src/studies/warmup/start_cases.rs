//! Cases of the starts: the time of each kind, and the saving of each step.

use serde_json::json;

use super::super::study::CaseHistogram;
use super::starts::{StartFault, StartSamples, TimedStart};
use crate::clock::ms;
use crate::measure::{Readiness, ReplyTimes, StartOutcome, average};
use crate::plan::WarmupPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::{Attribution, AttributionStep, Mean, PairedRatio, paired_ratio};

/// A chain of steps from cold to warm, and the durations compared.
struct StartChain {
    name: &'static str,
    steps: &'static [&'static str],
    at: fn(&StartSamples, usize) -> Option<Vec<u64>>,
}

/// The steps from a cold start to a later reply.
pub(super) const STEPS: [&str; 5] = ["page_cache", "load", "context", "warm_generation", "earlier_reply"];

/// Total waits, waits for the first token, replies alone, and loading.
const CHAINS: [StartChain; 4] = [
    StartChain {
        name: "wait",
        steps: &STEPS,
        at: |starts, at| replies(starts, at, |o| o.wait_ns, |later| later.elapsed_ns),
    },
    StartChain {
        name: "wait_first",
        steps: &STEPS,
        at: |starts, at| replies(starts, at, |o| o.wait_first_ns, |later| later.ttft_ns),
    },
    StartChain {
        name: "reply",
        steps: &STEPS,
        at: |starts, at| replies(starts, at, |o| o.first.elapsed_ns, |later| later.elapsed_ns),
    },
    StartChain { name: "load", steps: &["page_cache", "earlier_load"], at: loads },
];

/// The durations of one round, cold first.
fn replies(
    starts: &StartSamples,
    at: usize,
    first: fn(&StartOutcome) -> u64,
    later: fn(&ReplyTimes) -> u64,
) -> Option<Vec<u64>> {
    let mut values: Vec<u64> = kinds(starts).map(|kind| starts.outcome(at, kind).map(first)).collect::<Option<_>>()?;
    values.push(later(starts.outcome(at, Readiness::Warmed)?.later.last()?));
    Some(values)
}

fn loads(starts: &StartSamples, at: usize) -> Option<Vec<u64>> {
    let cached = starts.outcome(at, Readiness::Cached)?;
    let cold = starts.outcome(at, Readiness::Cold).map(|cold| cold.load_ns);
    let cold = if starts.failed.contains_key(&Readiness::Cold) { None } else { Some(cold?) };
    Some(cold.into_iter().chain([cached.load_ns, cached.load_again_ns]).collect())
}

/// The kinds in a chain: all, except for the cold one if it is impossible.
fn kinds(starts: &StartSamples) -> impl Iterator<Item = Readiness> {
    let without_cold = starts.failed.contains_key(&Readiness::Cold);
    Readiness::ALL.into_iter().filter(move |kind| !(without_cold && *kind == Readiness::Cold))
}

/// Path of the case of one kind of start.
pub(super) fn start_path(kind: Readiness) -> String {
    format!("start/{}", kind.word())
}

/// All cases of the starts. `cut_off` means that the run ended early.
pub(super) fn cases(plan: &WarmupPlan, starts: &StartSamples, cut_off: bool) -> Vec<Case> {
    let kinds = Readiness::ALL.into_iter().map(|kind| start(plan, starts, kind, cut_off));
    let cut_off = cut_off && !starts.is_complete(plan);
    kinds.chain(CHAINS.iter().map(|chain| attribution(starts, chain, cut_off))).collect()
}

fn start(plan: &WarmupPlan, starts: &StartSamples, kind: Readiness, cut_off: bool) -> Case {
    let outcomes: Vec<&StartOutcome> = starts.of(kind).into_iter().map(|start| &start.outcome).collect();
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
        Some(StartFault::PageCache(reason)) if n == 0 => (CaseState::NotMeasured, Some(reason.clone())),
        Some(fault) if n == 0 => (CaseState::Failed, Some(fault.reason().into())),
        Some(fault) => (CaseState::Lossy, Some(fault.reason().into())),
        None => (CaseState::Ok, None),
    };
    let shares: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.cached_share).collect();
    let mut case = Case {
        path: start_path(kind),
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
    };
    match state {
        CaseState::Ok if cut_off && n < plan.runs as usize => {
            case.cut_off(format!("interrupted after {n} of {}", counted(plan.runs, "round")))
        }
        CaseState::Lossy => {
            case.metrics.iter_mut().for_each(Metric::mark_partial);
            case
        }
        _ => case,
    }
}

/// Histograms of each kind of start: the total wait, and the later replies.
pub(super) fn histograms(starts: &StartSamples) -> Vec<CaseHistogram> {
    let of_kind = |kind: Readiness| {
        let of_kind = starts.of(kind);
        let began_ns = of_kind.first().map_or(0, |start| start.began_ns);
        let ended_ns = of_kind.last().map_or(0, |start| start.ended_ns);
        let waits_ns = of_kind.iter().map(|start| start.outcome.wait_ns).collect();
        let later = |start: &&TimedStart| start.outcome.later.iter().map(|later| later.elapsed_ns).collect::<Vec<_>>();
        let later_ns = of_kind.iter().flat_map(later).collect();
        [("wait", waits_ns), ("later_reply", later_ns)].map(|(quantity, samples_ns)| {
            CaseHistogram::total(start_path(kind), quantity, samples_ns, (began_ns, ended_ns))
        })
    };
    Readiness::ALL.into_iter().flat_map(of_kind).collect()
}

fn attribution(starts: &StartSamples, chain: &StartChain, cut_off: bool) -> Case {
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
    let reason = format!("{} had every kind of start", counted(n, "round"));
    let is_found = found.is_some();
    let case = Case {
        path: format!("attribution/{}", chain.name),
        state: if is_found { CaseState::Ok } else { CaseState::NotMeasured },
        reason: (!is_found).then(|| reason.clone()),
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
    };
    if cut_off { case.cut_off(reason) } else { case }
}

/// A sum of nanoseconds as text, since it may exceed what JSON readers support.
fn text(sum_ns: i128) -> String {
    sum_ns.to_string()
}

fn saved(name: &str, part: &AttributionStep, n: u64) -> Metric {
    let Mean { value, stddev, interval } = part.mean_ns;
    let metric = Metric::plain(name, "ms", value / 1e6, n, Direction::None);
    Metric { spread: stddev.map(|ns| ns / 1e6), ..metric }
        .with_interval(interval.map(|(low, high)| (low / 1e6, high / 1e6)))
}

/// Change from the first to the last in per cent, round by round.
fn change(last: &[f64], first: &[f64]) -> Metric {
    match paired_ratio(last, first) {
        Some(found) => percent_change(&found, Direction::None),
        None => Metric::absent("change", "%", 0, Direction::None, MetricStatus::TooFew),
    }
}

/// A ratio as a change in per cent.
pub(super) fn percent_change(ratio: &PairedRatio, direction: Direction) -> Metric {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    Metric::plain("change", "%", percent(ratio.ratio), ratio.n as u64, direction)
        .with_interval(ratio.interval.map(|(low, high)| (percent(low), percent(high))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::planted;
    use super::*;

    fn case<'a>(cases: &'a [Case], path: &str) -> &'a Case {
        cases.iter().find(|case| case.path == path).unwrap()
    }

    fn value(cases: &[Case], path: &str, name: &str) -> Option<f64> {
        case(cases, path).metric(name).unwrap().value
    }

    #[test]
    fn each_step_saves_the_planted_time() {
        let cases = cases(&planted::plan(), &planted::starts(), false);
        assert!(cases.iter().all(|case| case.state == CaseState::Ok), "{cases:?}");
        let saved = [160.0, 300.0, 100.0, 40.0, 20.0];
        for (name, expected) in STEPS.into_iter().zip(saved) {
            assert_eq!(value(&cases, "attribution/wait", name), Some(expected), "{name}");
        }
        assert_eq!(value(&cases, "attribution/wait", "saved"), Some(620.0));
        assert_eq!(
            (value(&cases, "attribution/wait", "from"), value(&cases, "attribution/wait", "to")),
            (Some(702.5), Some(82.5))
        );
        assert_eq!(value(&cases, "attribution/load", "page_cache"), Some(160.0));
        assert_eq!(value(&cases, "attribution/load", "earlier_load"), Some(20.0));
        assert_eq!(value(&cases, "attribution/reply", "warm_generation"), Some(40.0));
        assert_eq!(value(&cases, "start/warmed", "warm_generation"), Some(60.0));
        let absent = case(&cases, "start/cold").metric("warm_generation").unwrap();
        assert_eq!((absent.value, absent.status), (None, MetricStatus::NotMeasured));
    }

    #[test]
    fn page_cache_step_is_unsupported_without_a_cold_cache() {
        let mut starts = planted::starts();
        starts.rounds.iter_mut().for_each(|round| drop(round.remove(&Readiness::Cold)));
        starts.failed.insert(Readiness::Cold, StartFault::PageCache("it is in memory".into()));
        let cases = cases(&planted::plan(), &starts, false);
        let cold = case(&cases, "start/cold");
        assert_eq!((cold.state, cold.reason.as_deref()), (CaseState::NotMeasured, Some("it is in memory")));
        let step = case(&cases, "attribution/wait").metric("page_cache").unwrap();
        assert_eq!((step.value, step.status), (None, MetricStatus::Unsupported));
        assert_eq!(value(&cases, "attribution/wait", "saved"), Some(460.0));
    }

    #[test]
    fn failed_kind_keeps_earlier_rounds_as_partial() {
        let mut starts = planted::starts();
        starts.rounds[5].remove(&Readiness::Loaded);
        starts.failed.insert(Readiness::Loaded, StartFault::Process("no memory".into()));
        let plan = planted::plan();
        let lossy = case(&cases(&plan, &starts, false), "start/loaded").clone();
        assert_eq!((lossy.state, lossy.reason.as_deref()), (CaseState::Lossy, Some("no memory")));
        assert_eq!((lossy.metrics[0].n, lossy.metrics[0].status), (5, MetricStatus::Partial));
        starts.rounds.clear();
        let failed = case(&cases(&plan, &starts, false), "start/loaded").clone();
        assert_eq!((failed.state, failed.metrics.len()), (CaseState::Failed, 0));
    }

    #[test]
    fn interruption_marks_only_cases_with_missing_rounds() {
        let mut starts = planted::starts();
        starts.rounds[5].remove(&Readiness::Warmed);
        let plan = planted::plan();
        let cut = cases(&plan, &starts, true);
        let state = |path: &str| {
            let case = case(&cut, path);
            (case.state, case.reason.as_deref(), case.metrics[0].status)
        };
        assert_eq!(state("start/cold"), (CaseState::Ok, None, MetricStatus::Ok));
        let after = Some("interrupted after 5 of 6 rounds");
        assert_eq!(state("start/warmed"), (CaseState::Interrupted, after, MetricStatus::Partial));
        let had = Some("5 rounds had every kind of start");
        assert_eq!(state("attribution/wait"), (CaseState::Interrupted, had, MetricStatus::Partial));
        // An end after complete starts does not affect them.
        assert!(cases(&plan, &planted::starts(), true).iter().all(|case| case.state == CaseState::Ok));
    }

    #[test]
    fn histograms_have_every_reply_at_the_time_of_its_start() {
        let histograms = histograms(&planted::starts());
        let warmed: Vec<_> = histograms.iter().filter(|histogram| histogram.case == "start/warmed").collect();
        assert_eq!(warmed.iter().map(|histogram| histogram.quantity).collect::<Vec<_>>(), ["wait", "later_reply"]);
        let part = &warmed[0].parts[0];
        assert_eq!((part.samples_ns.len(), part.samples_ns[0]), (6, 100_000_000));
        // The first was in second four, the last in second 29.
        assert_eq!((part.start, part.duration), (Duration::from_secs(4), Duration::from_millis(25_900)));
        assert_eq!(warmed[1].parts[0].samples_ns[5], 85_000_000);
    }
}
