//! The verdict on a leak as a metric and as a sentence.

use super::super::study::RunVerdict;
use crate::advise::{InconclusiveReason, LeakJudgement, LeakVerdict};
use crate::plan::{GrowthUnit, LeakPlan};
use crate::plural::counted;
use crate::record::{Direction, Metric, MetricStatus};
use crate::report::{amount, amount_by};

/// The slope as a metric: bytes per message, token or minute.
pub(super) fn growth(name: &str, per: &str, judgement: &LeakJudgement) -> Metric {
    let (unit, n) = (format!("bytes/{per}"), judgement.n as u64);
    match judgement.slope {
        None => Metric::absent(name, &unit, n, Direction::Lower, MetricStatus::TooFew),
        Some(slope) => {
            Metric::plain(name, &unit, slope.value, n, Direction::Lower).with_interval(Some((slope.low, slope.high)))
        }
    }
}

/// The verdict as a sentence.
pub(super) fn sentence(what: &str, plan: &LeakPlan, judgement: &LeakJudgement) -> String {
    let word = plan.unit.word();
    let slope = judgement.slope.map_or_else(String::new, |slope| amount_by(slope.value, slope.low, slope.high));
    let basis = format!("n {}, from {word} {:.0} on", judgement.n, judgement.since);
    let threshold = format!("the threshold is {} per {word}", amount(plan.rule.threshold));
    match (judgement.verdict, judgement.excluded) {
        (LeakVerdict::Leak, _) => format!(
            "LEAK: {what} grows by {slope} per {word} throughout the run ({basis}; {threshold}). A cache that is still \
             filling would look the same."
        ),
        (LeakVerdict::NoLeak, Some(excluded)) => {
            format!("No leak: {what} grows by less than {} per {word} ({basis}; {threshold}).", amount(excluded))
        }
        _ => format!("Inconclusive: {}{}; {threshold}.", doubt(what, judgement, &slope), longer(plan.unit, judgement)),
    }
}

fn doubt(what: &str, judgement: &LeakJudgement, slope: &str) -> String {
    match judgement.doubt {
        Some(InconclusiveReason::TooNoisy) => {
            format!("{what} fluctuates too much for a run of this length (slope {slope})")
        }
        Some(InconclusiveReason::Unsteady) => {
            format!("{what} grew, but not throughout the run, and too little was measured since (slope {slope})")
        }
        Some(InconclusiveReason::CountStoodStill { still_s, watched_s }) if still_s >= watched_s => {
            format!(
                "no message was counted in the {watched_s:.1} s of the run, so the growth of {what} per message is not known"
            )
        }
        Some(InconclusiveReason::CountStoodStill { still_s, watched_s }) => format!(
            "no message was counted in the last {still_s:.1} s of {watched_s:.1} s, so memory was judged only until then. Is this \
             the log of that process? If the process was idle, stop the run after its last message"
        ),
        _ => format!("the run is too short to judge {what}: {} after the warm-up", counted(judgement.n, "sample")),
    }
}

/// How much longer the run should have been.
fn longer(unit: GrowthUnit, judgement: &LeakJudgement) -> String {
    judgement.more.map_or_else(String::new, |more| match unit {
        GrowthUnit::Message => format!(". About {} more would be enough", counted(more.ceil(), "message")),
        GrowthUnit::Minute if more < 2.0 => {
            format!(". About {} more would be enough", counted((more * 60.0).ceil(), "second"))
        }
        GrowthUnit::Minute => format!(". About {} more would be enough", counted(more.ceil(), "minute")),
    })
}

/// A leak is a negative verdict.
pub(super) fn verdict(judgement: &LeakJudgement) -> RunVerdict {
    if judgement.verdict == LeakVerdict::Leak { RunVerdict::Negative } else { RunVerdict::Done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::LeakRule;
    use crate::record::MetricStatus;

    const PLAN: LeakPlan =
        LeakPlan { unit: GrowthUnit::Message, rule: LeakRule { threshold: 512.0, warm_up: 0, grain: 4_096.0 } };

    /// A process that starts at 10 MiB and grows by `bytes` per message.
    fn growing(bytes: f64, messages: u32) -> LeakJudgement {
        let points: Vec<(f64, f64)> =
            (1..=messages).map(|at| (f64::from(at), 10_485_760.0 + f64::from(at) * bytes)).collect();
        PLAN.rule.judge(&points)
    }

    #[test]
    fn planted_leak_is_a_negative_verdict_with_its_size() {
        let leak = growing(1_024.0, 400);
        assert_eq!(verdict(&leak), RunVerdict::Negative);
        assert_eq!(
            sentence("anonymous memory", &PLAN, &leak),
            "LEAK: anonymous memory grows by 1.000 KiB [1.000, 1.000] per message throughout the run (n 320, from message 81 on; \
             the threshold is 512 B per message). A cache that is still filling would look the same."
        );
        let metric = growth("growth", "message", &leak);
        assert_eq!((metric.unit.as_str(), metric.n, metric.status), ("bytes/message", 320, MetricStatus::Ok));
        let close = |found: Option<f64>| found.is_some_and(|found| (found - 1_024.0).abs() < 1e-6);
        assert!(close(metric.value) && close(metric.ci_low) && close(metric.ci_high), "{metric:?}");
    }

    #[test]
    fn constant_memory_is_no_leak_and_a_short_run_is_inconclusive() {
        let still = growing(0.0, 400);
        assert_eq!(verdict(&still), RunVerdict::Done);
        assert!(
            sentence("anonymous memory", &PLAN, &still).starts_with("No leak: anonymous memory grows by less than ")
        );
        let short = growing(1_024.0, 3);
        assert_eq!(verdict(&short), RunVerdict::Done);
        let words = sentence("anonymous memory", &PLAN, &short);
        assert!(words.starts_with("Inconclusive: the run is too short to judge anonymous memory: "), "{words}");
        assert!(words.ends_with("the threshold is 512 B per message."), "{words}");
        let metric = growth("growth", "message", &short);
        assert_eq!((metric.value, metric.status), (None, MetricStatus::TooFew));
    }

    #[test]
    fn stalled_count_is_named_with_its_duration() {
        let doubtful = |still_s, watched_s| LeakJudgement {
            verdict: LeakVerdict::Inconclusive,
            doubt: Some(InconclusiveReason::CountStoodStill { still_s, watched_s }),
            more: None,
            ..growing(0.0, 3)
        };
        let words = sentence("anonymous memory", &PLAN, &doubtful(4.0, 10.0));
        assert!(words.starts_with("Inconclusive: no message was counted in the last 4.0 s of 10.0 s,"), "{words}");
        let words = sentence("anonymous memory", &PLAN, &doubtful(10.0, 10.0));
        assert!(words.starts_with("Inconclusive: no message was counted in the 10.0 s of the run,"), "{words}");
    }
}
