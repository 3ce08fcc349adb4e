//! What a comparison comes to, in sentences.

use super::batch_check::Verdict;
use super::case::Bundle;
use crate::measure::{Mode, REMEDY};
use crate::plan::Way;
use crate::plural::counted;
use crate::record::{Case, Metric};
use crate::report::with_interval;
use crate::studies::setup::Seen;

/// The sentences. `cases` are in the order of the plan.
pub(super) fn sentences(bundle: &Bundle<'_>, cases: &[Case]) -> Vec<String> {
    let mut sentences: Vec<String> = bundle.verdict.map(batches).into_iter().collect();
    let first = bundle.study.ways.first();
    match first {
        Some(Way::Codec(..)) => sentences.extend(codecs(bundle, cases)),
        Some(Way::AppReaction) => {
            sentences.extend(app_reaction(bundle, cases));
            sentences.extend(callers(bundle, cases));
            sentences.extend(cases.iter().filter_map(late_replies));
        }
        Some(_) => sentences.extend(means(bundle, cases)),
        None => {}
    }
    sentences.extend(cases.iter().filter_map(delivery));
    sentences.extend(frames(cases));
    sentences
}

fn batches(verdict: &Verdict) -> String {
    match verdict.applied {
        Some(true) => format!("Batches are applied: {}.", verdict.evidence),
        Some(false) => format!("Batches are acknowledged and NOT applied: {}.", verdict.evidence),
        None => format!("Whether batches are applied cannot be told: {}.", verdict.evidence),
    }
}

fn given<'a>(case: &'a Case, name: &str) -> Option<&'a Metric> {
    case.metric(name).filter(|metric| metric.value.is_some())
}

/// The mean of the baseline, and of each other way what it is of that.
fn means(bundle: &Bundle<'_>, cases: &[Case]) -> Option<String> {
    let baseline = cases.first()?;
    // What the scheduler does to a few messages would drown what TCP does to all of them.
    let (figure, ratio, word) = match bundle.study.ways.first()? {
        Way::Tcp(_) => ("p50", "p50_ratio", "Median"),
        _ => ("mean", "mean_ratio", "Mean"),
    };
    let value = given(baseline, figure)?;
    let others: Vec<String> = cases
        .iter()
        .skip(1)
        .filter_map(|case| {
            let ratio = given(case, ratio)?;
            Some(format!("{} {}", case.path, times(ratio)))
        })
        .collect();
    let what = match bundle.study.ways.first()? {
        Way::Batch(_) => "per command, the wait to fill a batch included",
        _ => "per command",
    };
    if others.is_empty() {
        return None;
    }
    Some(format!(
        "{word} latency {what}: {} {}; of that, {} (n {}).",
        baseline.path,
        with_interval(value),
        others.join(", "),
        counted(value.n, "round")
    ))
}

/// What the application does, and how long it takes.
fn app_reaction(bundle: &Bundle<'_>, cases: &[Case]) -> Option<String> {
    let app = cases.first()?;
    let sends = "Workly sends one command per answer and does not wait for the bridge's reply";
    if let Some(mean) = given(app, "mean") {
        return Some(format!(
            "{sends}: it is applied after {} on average (n {}).",
            with_interval(mean),
            counted(mean.n, "round")
        ));
    }
    let received = given(app, "received_mean")?;
    let applied = bundle.seen.and_then(Seen::frame_ms).map_or_else(
        || "; when it is applied cannot be told, since no frame could be measured".to_owned(),
        |frame_ms| {
            format!(
                ", and applied within a frame of {frame_ms:.2} ms after that, {:.2} ms on average; when exactly, this bridge does not \
                 tell",
                frame_ms / 2.0
            )
        },
    );
    Some(format!(
        "{sends}: it is received after {} on average (n {}){applied}.",
        with_interval(received),
        counted(received.n, "round")
    ))
}

/// What a caller of several commands could do. Workly does none of it, so that nothing here is a gain over Workly.
fn callers(bundle: &Bundle<'_>, cases: &[Case]) -> Option<String> {
    let each: Vec<String> = bundle
        .study
        .ways
        .iter()
        .zip(cases)
        .filter_map(|(way, case)| {
            let words = match way {
                Way::Reaction(Mode::Request, _) => "one by one (each after the previous reply)",
                Way::Reaction(..) => "pipelined",
                Way::ReactionBatch(_) => "as one batch",
                _ => return None,
            };
            let ratio = given(case, "mean_ratio").map(|ratio| format!(" ({} of Workly's one)", times(ratio)));
            Some(format!("{words} {}{}", with_interval(given(case, "mean")?), ratio.unwrap_or_default()))
        })
        .collect();
    let count = bundle.study.ways.iter().find_map(|way| match way {
        Way::Reaction(_, count) => Some(*count),
        _ => None,
    })?;
    (!each.is_empty()).then(|| {
        format!(
            "Sending {count} commands at once, which Workly does not do, takes until the last is acknowledged as applied: {}.",
            each.join("; ")
        )
    })
}

/// Least share of reactions, in percent, whose replies were held back, that is worth a word. A frame of 40 ms that begins among the
/// commands of a reaction looks alike, and far fewer reactions meet one.
const LEAST_HELD_PERCENT: f64 = 20.0;

/// That replies came late, and not the commands.
fn late_replies(case: &Case) -> Option<String> {
    let share =
        given(case, "held_back").filter(|share| share.value.is_some_and(|share| share >= LEAST_HELD_PERCENT))?;
    Some(format!(
        "{}: in {} of its reactions a reply came late, and not the command: the bridge's end of the connection held it back until \
         the reply before was acknowledged (Nagle's algorithm and delayed acknowledgement). {REMEDY}",
        case.path,
        with_interval(share)
    ))
}

/// `×0.52 [0.50, 0.55]`.
fn times(ratio: &Metric) -> String {
    let value = ratio.value.unwrap_or_default();
    match (ratio.ci_low, ratio.ci_high) {
        (Some(low), Some(high)) => format!("×{value:.3} [{low:.3}, {high:.3}]"),
        _ => format!("×{value:.3}"),
    }
}

fn codecs(bundle: &Bundle<'_>, cases: &[Case]) -> Vec<String> {
    let compared = (0..cases.len()).filter_map(|place| Some((&cases[place], &cases[bundle.study.baseline(place)?])));
    compared
        .filter_map(|(case, baseline)| {
            let both = |name| Some((given(case, name)?.value?, given(baseline, name)?.value?));
            let (bytes, of) = both("bytes")?;
            let (encode, decode) = (both("encode")?, both("decode")?);
            let end_to_end = given(case, "p50_ratio").map_or("not sent".into(), times);
            Some(format!(
                "{} against {}: {bytes} for {of} bytes ({:+.0} %), encoding {:.2} for {:.2} µs, decoding {:.2} for {:.2} µs, \
                 end to end (median) {end_to_end}.",
                case.path,
                baseline.path,
                100.0 * (bytes / of - 1.0),
                encode.0,
                encode.1,
                decode.0,
                decode.1
            ))
        })
        .collect()
}

fn delivery(case: &Case) -> Option<String> {
    let delivered = given(case, "delivered")?;
    let (share, of_all) = (delivered.value?, counted(delivered.n, "round"));
    Some(match given(case, "drain") {
        None => format!(
            "{}: {share:.1} % delivered (n {of_all}); when the last of them was applied is not known, since a reply was missing.",
            case.path
        ),
        Some(drain) => {
            let rounds = if drain.n == delivered.n { of_all } else { format!("{} of {of_all}", drain.n) };
            let drain = with_interval(drain);
            format!(
                "{}: {share:.1} % delivered, the last of them applied {drain} after the last write (n {rounds}).",
                case.path
            )
        }
    })
}

/// How many frames a reaction took, way by way.
fn frames(cases: &[Case]) -> Option<String> {
    let each: Vec<String> =
        cases.iter().filter_map(|case| Some(format!("{} {:.1}", case.path, given(case, "frames")?.value?))).collect();
    (!each.is_empty())
        .then(|| format!("Frames that a reaction took, from the numbers in the replies: {}.", each.join(", ")))
}
