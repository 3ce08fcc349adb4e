//! What a comparison comes to, in sentences.

use super::batch_check::Verdict;
use super::case::Bundle;
use crate::plan::Way;
use crate::plural::counted;
use crate::record::{Case, Metric};
use crate::report::with_interval;

/// The sentences. `cases` are in the order of the plan.
pub(super) fn sentences(bundle: &Bundle<'_>, cases: &[Case]) -> Vec<String> {
    let mut sentences: Vec<String> = bundle.verdict.map(batches).into_iter().collect();
    let first = bundle.study.ways.first();
    match first {
        Some(Way::Codec(..)) => sentences.extend(codecs(bundle, cases)),
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
        Way::Reaction(..) | Way::ReactionBatch(_) => "until the last command of a reaction is applied",
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
    let (delivered, drain) = (given(case, "delivered")?, given(case, "drain")?);
    Some(format!(
        "{}: {:.1} % delivered, the last of them applied {} after the last write (n {}).",
        case.path,
        delivered.value?,
        with_interval(drain),
        counted(drain.n, "round")
    ))
}

/// How many frames a reaction took, way by way.
fn frames(cases: &[Case]) -> Option<String> {
    let each: Vec<String> =
        cases.iter().filter_map(|case| Some(format!("{} {:.1}", case.path, given(case, "frames")?.value?))).collect();
    (!each.is_empty())
        .then(|| format!("Frames that a reaction took, from the numbers in the replies: {}.", each.join(", ")))
}
