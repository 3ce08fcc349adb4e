//! How a reaction is sent, and whether batches help: from runs of `ipc --reaction` and `ipc --batch`. Batches that are
//! acknowledged but not applied are never chosen, however fast they are.

use super::by_bridge::AS_WORKLY_DOES;
use super::recommendation::{Basis, Choice, Confidence, Evidence, Setting};
use super::thread_choice::UNNOTICED;
use crate::record::{Case, Run};

/// The prefix of reaction cases.
const REACTION: &str = "reaction/";

/// What the application does.
const APP_REACTION: &str = "reaction/app:1";

/// One strategy of a comparison.
struct MeasuredStrategy<'a> {
    case: &'a Case,
    /// Its mean latency relative to the baseline, with the interval; `None` if its commands have no latency.
    ratio: Option<(f64, Option<(f64, f64)>)>,
}

impl MeasuredStrategy<'_> {
    /// The number of commands: the part after the colon, or the whole.
    fn count(&self) -> &str {
        self.case.path.rsplit(['/', ':']).next().unwrap_or_default()
    }

    fn is_better(&self) -> bool {
        self.ratio.and_then(|(_, interval)| interval).is_some_and(|(_, high)| high < 1.0 - UNNOTICED)
    }

    fn is_no_better(&self) -> bool {
        self.ratio.and_then(|(_, interval)| interval).is_some_and(|(low, _)| low >= 1.0 - UNNOTICED)
    }
}

/// The comparison of a run whose cases start with `study`: the baseline and the others.
fn comparison<'a>(run: &'a Run, study: &str) -> Option<(MeasuredStrategy<'a>, Vec<MeasuredStrategy<'a>>)> {
    let of_study = run.cases.iter().filter(|case| case.state.stands() && case.path.starts_with(study));
    let (baseline, others): (Vec<_>, Vec<_>) = of_study
        .map(|case| {
            let ratio = case.metric("mean_ratio");
            MeasuredStrategy {
                case,
                ratio: ratio.and_then(|ratio| Some((ratio.value?, ratio.ci_low.zip(ratio.ci_high)))),
            }
        })
        .partition(|way| way.case.conditions["baseline"].is_null());
    Some((baseline.into_iter().next()?, others)).filter(|(_, others)| !others.is_empty())
}

/// The newest comparison, and its run.
fn newest<'a>(runs: &'a [Run], study: &str) -> Option<(&'a Run, MeasuredStrategy<'a>, Vec<MeasuredStrategy<'a>>)> {
    let mut newest_first = runs.iter().rev().filter(|run| run.command == "ipc");
    newest_first.find_map(|run| comparison(run, study).map(|(baseline, others)| (run, baseline, others)))
}

/// `ipc_mode` from the newest `ipc --reaction` run, if there is one. The application sends one command per answer and
/// does not wait for a reply: no mode is faster. The latency of several commands at once shows the cost of changing the
/// application; it is not a gain.
pub(super) fn mode(runs: &[Run]) -> Option<Choice> {
    let reactions = |run: &Run| run.cases.iter().any(|case| case.state.stands() && case.path.starts_with(REACTION));
    let run = runs.iter().rev().find(|run| run.command == "ipc" && reactions(run))?;
    let told = |case: &Case| Evidence::of(run, case, "mean").or_else(|| Evidence::of(run, case, "received_mean"));
    let stands = run.cases.iter().filter(|case| case.state.stands() && case.path.starts_with(REACTION));
    let (own, others): (Vec<&Case>, Vec<&Case>) = stands.partition(|case| case.path == APP_REACTION);
    let own = own.first().and_then(|case| told(case));
    let takes = own.as_ref().map_or_else(String::new, |own| {
        let what = if own.metric == "mean" { "applied" } else { "received" };
        format!(": it is {what} after {:.2} ms on average (n {})", own.value, own.n)
    });
    let callers: Vec<String> = others
        .iter()
        .filter_map(|case| {
            let way = case.path.trim_start_matches(REACTION);
            Some(format!("{way} {:.2} ms", Evidence::of(run, case, "mean")?.value))
        })
        .collect();
    let changed = match callers.len() {
        0 => String::new(),
        _ => format!("; several commands at once, which Workly does not send, would take: {}", callers.join(", ")),
    };
    let evidence: Vec<Evidence> = own.into_iter().chain(others.iter().filter_map(|case| told(case))).collect();
    (!evidence.is_empty()).then(|| Choice {
        basis: Basis::Measured,
        evidence,
        confidence: Confidence::Sure,
        ..Choice::by_rule(
            Setting::IpcMode,
            AS_WORKLY_DOES,
            format!("Workly sends one command per answer and does not wait for a reply{takes}{changed}"),
        )
    })
}

/// `batch_window_ms` from the newest comparison of batches, if there is one.
pub(super) fn window(runs: &[Run]) -> Option<Choice> {
    let (run, alone, batches) = newest(runs, "batch/")?;
    let reference = Evidence::of(run, alone.case, "mean")?;
    let offered = alone.case.conditions["offered_per_s"].as_f64()?;
    let choice = |value_ms: f64, reason: String, confidence: Confidence, evidence: Vec<Evidence>| Choice {
        basis: Basis::Measured,
        evidence,
        confidence,
        ..Choice::by_rule(Setting::BatchWindowMs, whole(value_ms), reason)
    };
    if batches.iter().all(|batch| batch.ratio.is_none()) {
        let reason = "this bridge acknowledges batches, but there is no sign that it executes their commands";
        return Some(choice(0.0, reason.into(), Confidence::Sure, vec![reference]));
    }
    let told = |batch: &MeasuredStrategy| {
        let ratio = batch.ratio.map_or(f64::NAN, |(ratio, _)| ratio);
        format!(
            "at {offered:.0} commands per second, a command in batches of {}, including the wait for the batch to fill, \
             takes ×{ratio:.2} as long as alone",
            batch.count()
        )
    };
    let measured = || batches.iter().filter(|batch| batch.ratio.is_some());
    let by_ratio = |a: &&MeasuredStrategy, b: &&MeasuredStrategy| {
        a.ratio.map(|(ratio, _)| ratio).partial_cmp(&b.ratio.map(|(ratio, _)| ratio))
    };
    let best = measured().min_by(|a, b| by_ratio(a, b).unwrap_or(std::cmp::Ordering::Equal))?;
    let evidence = || Evidence::of(run, best.case, "mean").into_iter().chain([reference.clone()]).collect();
    if best.is_better() {
        let window_ms = best.case.conditions["window_ms"].as_f64()?;
        return Some(choice(window_ms, told(best), Confidence::Sure, evidence()));
    }
    let confidence = if measured().all(MeasuredStrategy::is_no_better) { Confidence::Sure } else { Confidence::Likely };
    Some(choice(0.0, format!("batches are not faster: {}", told(best)), confidence, evidence()))
}

/// Milliseconds as the configuration stores them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A window is at most some seconds.
fn whole(value_ms: f64) -> u64 {
    value_ms.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{CaseState, Direction, Metric, sample};

    /// A case with these round means, compared with the first by its interval.
    fn way(path: &str, rounds: &[f64], ratio: Option<(f64, f64, f64)>) -> Case {
        let mean = rounds.iter().sum::<f64>() / rounds.len() as f64;
        let n = rounds.len() as u64;
        let mut metrics = vec![Metric::plain("mean", "ms", mean, n, Direction::Lower)];
        metrics.extend(ratio.map(|(ratio, low, high)| Metric {
            ci_low: Some(low),
            ci_high: Some(high),
            ..Metric::plain("mean_ratio", "x", ratio, n, Direction::Lower)
        }));
        let is_first = path.ends_with("batch/1");
        let baseline = if is_first { serde_json::Value::Null } else { json!("the first") };
        Case {
            path: path.into(),
            state: CaseState::Ok,
            reason: None,
            duration_s: 1.0,
            conditions: json!({"baseline": baseline, "offered_per_s": 100.0, "window_ms": 40.0, "round_means_ms": rounds}),
            notes: Vec::new(),
            metrics,
            histograms: Vec::new(),
        }
    }

    fn run(cases: Vec<Case>) -> Vec<Run> {
        vec![Run { cases, ..sample::run() }]
    }

    #[test]
    fn no_gain_is_claimed_over_modes_the_application_does_not_use() {
        let choice = mode(&run(vec![
            way("reaction/app:1", &[8.3; 8], None),
            way("reaction/request:10", &[158.0; 8], Some((19.0, 18.0, 20.0))),
            way("reaction/pipelined:10", &[8.0; 8], Some((0.96, 0.9, 1.0))),
        ]))
        .unwrap();
        assert_eq!((choice.value, choice.basis), (Some("no_wait".into()), Basis::Measured));
        assert!(choice.margin.is_none() && choice.confidence == Confidence::Sure);
        assert_eq!(choice.evidence[0].case, "reaction/app:1");
        assert!(choice.reason.contains("applied after 8.30 ms") && choice.reason.contains("does not wait for a reply"));
        assert!(choice.reason.contains("pipelined:10 8.00 ms"), "{}", choice.reason);
    }

    #[test]
    fn bridge_without_applied_times_is_quoted_as_received() {
        let mut app = way("reaction/app:1", &[8.3; 8], None);
        app.metrics = vec![Metric::plain("received_mean", "ms", 0.06, 8, Direction::Lower)];
        let choice = mode(&run(vec![app])).unwrap();
        assert!(choice.reason.contains("received after 0.06 ms"), "{}", choice.reason);
    }

    #[test]
    fn run_without_the_applications_mode_changes_nothing() {
        let choice = mode(&run(vec![
            way("reaction/request:10", &[158.0; 8], None),
            way("reaction/pipelined:10", &[8.0; 8], Some((0.05, 0.04, 0.06))),
        ]))
        .unwrap();
        assert_eq!((choice.value, choice.margin.is_none()), (Some("no_wait".into()), true));
        assert!(mode(&run(vec![way("mode/request:10", &[1.0; 8], None)])).is_none());
        assert!(mode(&[]).is_none());
    }

    #[test]
    fn batch_window_is_set_only_if_waiting_pays() {
        let batches = |ratio: Option<(f64, f64, f64)>| {
            window(&run(vec![way("batch/1", &[8.0; 8], None), way("batch/10", &[47.0; 8], ratio)])).unwrap()
        };
        let slower = batches(Some((5.9, 5.5, 6.2)));
        assert_eq!((slower.value, slower.confidence), (Some(0.into()), Confidence::Sure));
        assert!(slower.reason.contains("takes ×5.90 as long"), "{}", slower.reason);
        let faster = batches(Some((0.5, 0.4, 0.6)));
        assert_eq!((faster.value, faster.basis), (Some(40.into()), Basis::Measured));
        assert_eq!(batches(Some((1.0, 0.8, 1.2))).confidence, Confidence::Likely);
        let unseen = batches(None);
        assert_eq!(unseen.value, Some(0.into()));
        assert!(unseen.reason.contains("acknowledges"), "{}", unseen.reason);
    }
}
