//! A judgement as figures and as words.

use crate::advise::{Doubt, LeakJudgement, LeakVerdict};
use crate::exit::Exit;
use crate::plan::{GrowthUnit, LeakPlan};
use crate::plural::counted;
use crate::record::{Direction, Metric, MetricStatus};
use crate::report::{amount, amount_by};

/// The slope as a figure: bytes a message, a token or a minute.
pub(super) fn growth(name: &str, per: &str, judgement: &LeakJudgement) -> Metric {
    let (unit, n) = (format!("bytes/{per}"), judgement.n as u64);
    match judgement.slope {
        None => Metric::absent(name, &unit, n, Direction::Lower, MetricStatus::TooFew),
        Some(slope) => Metric {
            ci_low: Some(slope.low),
            ci_high: Some(slope.high),
            ..Metric::plain(name, &unit, slope.value, n, Direction::Lower)
        },
    }
}

/// The verdict as a sentence.
pub(super) fn sentence(what: &str, plan: &LeakPlan, judgement: &LeakJudgement) -> String {
    let word = plan.unit.word();
    let slope = judgement.slope.map_or_else(String::new, |slope| amount_by(slope.value, slope.low, slope.high));
    let basis = format!("n {}, from {word} {:.0} on", judgement.n, judgement.since);
    let threshold = format!("the threshold is {} a {word}", amount(plan.rule.threshold));
    match (judgement.verdict, judgement.excluded) {
        (LeakVerdict::Leak, _) => format!(
            "LEAK: {what} grows by {slope} a {word} all through the run ({basis}; {threshold}). A cache that has not filled \
             yet would look the same."
        ),
        (LeakVerdict::NoLeak, Some(excluded)) => {
            format!("No leak: {what} grows by less than {} a {word} ({basis}; {threshold}).", amount(excluded))
        }
        _ => format!("Inconclusive: {}{}; {threshold}.", doubt(what, judgement, &slope), longer(plan.unit, judgement)),
    }
}

fn doubt(what: &str, judgement: &LeakJudgement, slope: &str) -> String {
    match judgement.doubt {
        Some(Doubt::TooNoisy) => format!("{what} swings too much for a run of this length (slope {slope})"),
        Some(Doubt::Unsteady) => {
            format!("{what} grew, but not all through the run, and too little was seen since (slope {slope})")
        }
        Some(Doubt::CountStoodStill { still_s, watched_s }) if still_s >= watched_s => {
            format!(
                "the count of messages stood still all through the {watched_s:.1} s of the watch, so that nothing tells how {what} grows"
            )
        }
        Some(Doubt::CountStoodStill { still_s, watched_s }) => format!(
            "the count of messages stood still for the last {still_s:.1} s of {watched_s:.1} s, and memory was judged only until then. \
             Is this the log of that process? If it was merely at rest, end the watch after the last message"
        ),
        _ => format!("the run is too short to judge {what}, with {} after the warm-up", counted(judgement.n, "point")),
    }
}

/// How much longer the run should be.
fn longer(unit: GrowthUnit, judgement: &LeakJudgement) -> String {
    judgement.more.map_or_else(String::new, |more| match unit {
        GrowthUnit::Message => format!(". About {} more would tell", counted(more.ceil(), "message")),
        GrowthUnit::Minute if more < 2.0 => {
            format!(". About {} more would tell", counted((more * 60.0).ceil(), "second"))
        }
        GrowthUnit::Minute => format!(". About {} more would tell", counted(more.ceil(), "minute")),
    })
}

/// How the process ends: a leak is a negative verdict.
pub(super) fn exit(judgement: &LeakJudgement) -> Exit {
    if judgement.verdict == LeakVerdict::Leak { Exit::Negative } else { Exit::Done }
}
