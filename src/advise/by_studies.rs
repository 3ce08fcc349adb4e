//! How a reaction goes to the bridge, and whether collecting commands pays: by the comparisons of `ipc --reaction` and
//! `ipc --batch`. A batch whose commands are acknowledged and not applied is no choice, however fast it is.

use super::recommendation::{Basis, Choice, Confidence, Evidence, Margin, Setting};
use super::thread_choice::UNNOTICED;
use crate::record::{Case, Run};
use crate::stats::paired_ratio;

/// One way of a comparison.
struct Way<'a> {
    case: &'a Case,
    /// Its mean latency over that of the first way, and the interval; `None` where its commands have no latency.
    ratio: Option<(f64, Option<(f64, f64)>)>,
}

impl Way<'_> {
    /// The part of its path that names it.
    fn name(&self) -> &str {
        let name = self.case.path.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default()
    }

    /// What stands behind the colon, or the whole: how many commands.
    fn count(&self) -> &str {
        self.case.path.rsplit(['/', ':']).next().unwrap_or_default()
    }

    fn is_better(&self) -> bool {
        self.ratio.and_then(|(_, interval)| interval).is_some_and(|(_, high)| high < 1.0 - UNNOTICED)
    }

    fn is_no_better(&self) -> bool {
        self.ratio.and_then(|(_, interval)| interval).is_some_and(|(low, _)| low >= 1.0 - UNNOTICED)
    }

    /// The mean latency of each round, in ms.
    fn rounds(&self) -> Vec<f64> {
        let rounds = self.case.conditions["round_means_ms"].as_array();
        rounds.into_iter().flatten().filter_map(serde_json::Value::as_f64).collect()
    }
}

/// The comparison of a run whose cases begin with `study`: what everything is compared with, and the others.
fn comparison<'a>(run: &'a Run, study: &str) -> Option<(Way<'a>, Vec<Way<'a>>)> {
    let of_study = run.cases.iter().filter(|case| case.state.stands() && case.path.starts_with(study));
    let (baseline, others): (Vec<_>, Vec<_>) = of_study
        .map(|case| {
            let ratio = case.metric("mean_ratio");
            Way { case, ratio: ratio.and_then(|ratio| Some((ratio.value?, ratio.ci_low.zip(ratio.ci_high)))) }
        })
        .partition(|way| way.case.conditions["baseline"].is_null());
    Some((baseline.into_iter().next()?, others)).filter(|(_, others)| !others.is_empty())
}

/// The newest comparison, and the run that made it.
fn newest<'a>(runs: &'a [Run], study: &str) -> Option<(&'a Run, Way<'a>, Vec<Way<'a>>)> {
    let mut newest_first = runs.iter().rev().filter(|run| run.command == "ipc");
    newest_first.find_map(|run| comparison(run, study).map(|(baseline, others)| (run, baseline, others)))
}

/// `ipc_mode` by the newest comparison of reactions, if there is one.
pub(super) fn mode(runs: &[Run]) -> Option<Choice> {
    let (run, in_turn, others) = newest(runs, "reaction/")?;
    let mean = |way: &Way| Evidence::of(run, way.case, "mean");
    let reference = mean(&in_turn)?;
    let kept = Choice {
        basis: Basis::Measured,
        evidence: vec![reference.clone()],
        ..Choice::by_rule(Setting::IpcMode, "wait_for_reply", "")
    };
    let Some(best) = best(&others) else {
        let (reason, confidence) = if others.iter().all(|way| way.is_no_better() || way.ratio.is_none()) {
            ("no other way that applies its commands is faster", Confidence::Sure)
        } else if others.iter().any(|way| way.ratio.is_some_and(|(_, interval)| interval.is_none())) {
            ("too few rounds to tell whether another way is faster", Confidence::Guess)
        } else {
            ("no difference to other ways beyond the noise", Confidence::NoDifference)
        };
        let value = kept.value.clone().filter(|_| confidence != Confidence::NoDifference);
        return Some(Choice { value, reason: reason.into(), confidence, ..kept });
    };
    let (own, count) = (mean(best)?, best.count());
    let (value, cost) = match best.name() {
        "batch" => ("batch", "a client that collects the commands of a reaction into one message"),
        _ => ("pipelined", "a client that sends on without waiting, and counts the replies"),
    };
    let margin = best.ratio.map(|(ratio, interval)| Margin {
        runner_up: "wait_for_reply".into(),
        share: ratio,
        n: own.n,
        interval,
    });
    Some(Choice {
        basis: Basis::Measured,
        reason: format!(
            "a reaction of {count} commands is applied after {:.2} ms on average, and after {:.2} ms where each command waits \
             for the reply to the last",
            own.value, reference.value
        ),
        evidence: vec![own, reference],
        margin,
        confidence: Confidence::Sure,
        ..Choice::by_rule(Setting::IpcMode, value, "").costing(cost)
    })
}

/// The fastest of those that are faster beyond the noise. A batch, which the bridge has to know, must beat the others too.
fn best<'a, 'b>(others: &'b [Way<'a>]) -> Option<&'b Way<'a>> {
    let mean_ratio = |way: &&Way| way.ratio.map_or(f64::INFINITY, |(ratio, _)| ratio);
    let fastest = |is_batch: bool| {
        let wanted = others.iter().filter(move |way| way.is_better() && (way.name() == "batch") == is_batch);
        wanted.min_by(|a, b| mean_ratio(a).total_cmp(&mean_ratio(b)))
    };
    match (fastest(false), fastest(true)) {
        (Some(plain), Some(batch)) => {
            let against = paired_ratio(&batch.rounds(), &plain.rounds()).and_then(|ratio| ratio.interval);
            Some(if against.is_some_and(|(_, high)| high < 1.0 - UNNOTICED) { batch } else { plain })
        }
        (plain, batch) => plain.or(batch),
    }
}

/// `batch_window_ms` by the newest comparison of batches, if there is one.
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
        let reason = "this bridge acknowledges batches, and does not carry out what is inside as far as could be seen";
        return Some(choice(0.0, reason.into(), Confidence::Sure, vec![reference]));
    }
    let told = |batch: &Way| {
        let ratio = batch.ratio.map_or(f64::NAN, |(ratio, _)| ratio);
        format!(
            "at {offered:.0} commands a second, the wait to fill included, a command in batches of {} takes ×{ratio:.2} of what it \
             takes alone",
            batch.count()
        )
    };
    let measured = || batches.iter().filter(|batch| batch.ratio.is_some());
    let by_ratio = |a: &&Way, b: &&Way| a.ratio.map(|(ratio, _)| ratio).partial_cmp(&b.ratio.map(|(ratio, _)| ratio));
    let best = measured().min_by(|a, b| by_ratio(a, b).unwrap_or(std::cmp::Ordering::Equal))?;
    let evidence = || Evidence::of(run, best.case, "mean").into_iter().chain([reference.clone()]).collect();
    if best.is_better() {
        let window_ms = best.case.conditions["window_ms"].as_f64()?;
        return Some(choice(window_ms, told(best), Confidence::Sure, evidence()));
    }
    let confidence = if measured().all(Way::is_no_better) { Confidence::Sure } else { Confidence::Likely };
    Some(choice(0.0, format!("collecting gains nothing: {}", told(best)), confidence, evidence()))
}

/// Milliseconds as the configuration has them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A window is seconds at most.
fn whole(value_ms: f64) -> u64 {
    value_ms.max(0.0).round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::{CaseState, Direction, Metric, sample};

    /// A case whose rounds have these means, compared with the first by its interval.
    fn way(path: &str, rounds: &[f64], ratio: Option<(f64, f64, f64)>) -> Case {
        let mean = rounds.iter().sum::<f64>() / rounds.len() as f64;
        let n = rounds.len() as u64;
        let mut metrics = vec![Metric::plain("mean", "ms", mean, n, Direction::Lower)];
        metrics.extend(ratio.map(|(ratio, low, high)| Metric {
            ci_low: Some(low),
            ci_high: Some(high),
            ..Metric::plain("mean_ratio", "x", ratio, n, Direction::Lower)
        }));
        let is_first = path.ends_with("request:10") || path.ends_with("batch/1");
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

    fn reactions(pipelined: Option<(f64, f64, f64)>, batch: Option<(f64, f64, f64)>, batch_rounds: &[f64]) -> Choice {
        mode(&run(vec![
            way("reaction/request:10", &[158.0; 8], None),
            way("reaction/pipelined:10", &[8.0; 8], pipelined),
            way("reaction/batch:10", batch_rounds, batch),
        ]))
        .unwrap()
    }

    #[test]
    fn the_way_that_is_faster_beyond_the_noise_is_taken_and_cited() {
        let choice = reactions(Some((0.05, 0.04, 0.06)), None, &[0.1; 8]);
        assert_eq!((choice.value, choice.confidence), (Some("pipelined".into()), Confidence::Sure));
        assert_eq!((choice.evidence[0].value, choice.evidence[1].value), (8.0, 158.0));
        let margin = choice.margin.unwrap();
        assert_eq!((margin.runner_up, margin.share, margin.n), ("wait_for_reply".into(), 0.05, 8));
        assert!(choice.reason.contains("8.00 ms") && choice.reason.contains("158.00 ms"), "{}", choice.reason);
    }

    #[test]
    fn a_batch_has_to_beat_pipelining_too_and_to_be_applied() {
        let near = reactions(Some((0.05, 0.04, 0.06)), Some((0.05, 0.04, 0.06)), &[7.9; 8]);
        assert_eq!(near.value, Some("pipelined".into()));
        let ahead = reactions(Some((0.05, 0.04, 0.06)), Some((0.03, 0.02, 0.04)), &[4.0; 8]);
        assert_eq!(ahead.value, Some("batch".into()));
        let acknowledged = reactions(None, None, &[0.1; 8]);
        assert_eq!((acknowledged.value, acknowledged.confidence), (Some("wait_for_reply".into()), Confidence::Sure));
    }

    #[test]
    fn noise_keeps_what_is_there() {
        let choice = reactions(Some((0.98, 0.7, 1.3)), Some((1.0, 0.8, 1.2)), &[8.0; 8]);
        assert_eq!((choice.value, choice.confidence), (None, Confidence::NoDifference));
        assert!(mode(&run(vec![way("mode/request:10", &[1.0; 8], None)])).is_none());
        assert!(mode(&[]).is_none());
    }

    #[test]
    fn a_window_only_where_the_wait_to_fill_it_pays() {
        let batches = |ratio: Option<(f64, f64, f64)>| {
            window(&run(vec![way("batch/1", &[8.0; 8], None), way("batch/10", &[47.0; 8], ratio)])).unwrap()
        };
        let slower = batches(Some((5.9, 5.5, 6.2)));
        assert_eq!((slower.value, slower.confidence), (Some(0.into()), Confidence::Sure));
        assert!(slower.reason.contains("batches of 10 takes ×5.90"), "{}", slower.reason);
        let faster = batches(Some((0.5, 0.4, 0.6)));
        assert_eq!((faster.value, faster.basis), (Some(40.into()), Basis::Measured));
        assert_eq!(batches(Some((1.0, 0.8, 1.2))).confidence, Confidence::Likely);
        let unseen = batches(None);
        assert_eq!(unseen.value, Some(0.into()));
        assert!(unseen.reason.contains("acknowledges"), "{}", unseen.reason);
    }
}
