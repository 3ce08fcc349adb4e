//! The findings of a comparison.

use super::batch_check::BatchVerdict;
use super::cases::StrategyComparison;
use super::held::held;
use super::samples::StrategySamples;
use crate::measure::{LEAST_HELD_PERCENT, REMEDY, SendMode};
use crate::plan::SendStrategy;
use crate::plural::counted;
use crate::record::{Case, Metric};
use crate::report::with_interval;
use crate::studies::setup::AppliedSource;

/// The findings. `cases` are in the order of the plan.
pub(super) fn sentences(comparison: &StrategyComparison<'_>, cases: &[Case]) -> Vec<String> {
    let mut sentences: Vec<String> = comparison.samples.batches.as_ref().map(batches).into_iter().collect();
    let first = comparison.study.ways.first();
    match first {
        Some(SendStrategy::Codec(..)) => sentences.extend(codecs(comparison, cases)),
        Some(SendStrategy::AppReaction) => {
            sentences.extend(app_reaction(comparison, cases));
            sentences.extend(callers(comparison, cases));
            sentences.extend(cases.iter().filter_map(late_replies));
        }
        Some(_) => {
            sentences.extend(means(comparison, cases));
            sentences.extend(held_replies(comparison));
        }
        None => {}
    }
    sentences.extend(cases.iter().filter_map(delivery));
    sentences.extend(frames(cases));
    sentences
}

fn batches(verdict: &BatchVerdict) -> String {
    match verdict.applied {
        Some(true) => format!("Batches are applied: {}.", verdict.evidence),
        Some(false) => format!("Batches are acknowledged and NOT applied: {}.", verdict.evidence),
        None => format!("Whether batches are applied is unknown: {}.", verdict.evidence),
    }
}

fn given<'a>(case: &'a Case, name: &str) -> Option<&'a Metric> {
    case.metric(name).filter(|metric| metric.value.is_some())
}

/// Mean of the baseline, and each other way's ratio to it.
fn means(comparison: &StrategyComparison<'_>, cases: &[Case]) -> Option<String> {
    let baseline = cases.first()?;
    // The median, because scheduling outliers would hide the effect of TCP on all messages.
    let (figure, ratio, word) = match comparison.study.ways.first()? {
        SendStrategy::Tcp(_) => ("p50", "p50_ratio", "Median"),
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
    let what = match comparison.study.ways.first()? {
        SendStrategy::Batch(_) => "per command, including the wait to fill a batch",
        _ => "per command",
    };
    if others.is_empty() {
        return None;
    }
    Some(format!(
        "{word} latency {what}: {} {}; relative to that, {} (n {}).",
        baseline.path,
        with_interval(value),
        others.join(", "),
        counted(value.n, "round")
    ))
}

/// The application's way, and how long it takes.
fn app_reaction(comparison: &StrategyComparison<'_>, cases: &[Case]) -> Option<String> {
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
    let applied = comparison.samples.seen.and_then(AppliedSource::frame_ms).map_or_else(
        || "; when it is applied is unknown, since no frame could be measured".to_owned(),
        |frame_ms| {
            format!(
                ", and applied within one frame ({frame_ms:.2} ms) after that, {:.2} ms later on average; this bridge \
                 does not report exactly when",
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

/// Ways to send several commands. Workly uses none of them, so they are not stated as gains over Workly.
fn callers(comparison: &StrategyComparison<'_>, cases: &[Case]) -> Option<String> {
    let each: Vec<String> = comparison
        .study
        .ways
        .iter()
        .zip(cases)
        .filter_map(|(way, case)| {
            let words = match way {
                SendStrategy::Reaction(SendMode::Request, _) => "one by one (each after the previous reply)",
                SendStrategy::Reaction(..) => "pipelined",
                SendStrategy::ReactionBatch(_) => "as one batch",
                _ => return None,
            };
            let ratio = given(case, "mean_ratio")
                .map(|ratio| format!(" ({} compared with Workly's one command)", times(ratio)));
            Some(format!("{words} {}{}", with_interval(given(case, "mean")?), ratio.unwrap_or_default()))
        })
        .collect();
    let count = comparison.study.ways.iter().find_map(|way| match way {
        SendStrategy::Reaction(_, count) => Some(*count),
        _ => None,
    })?;
    (!each.is_empty()).then(|| {
        format!(
            "Sending {count} commands at once, which Workly does not do; time until the last one is acknowledged as \
             applied: {}.",
            each.join("; ")
        )
    })
}

/// The finding that replies were late although commands were not.
fn late_replies(case: &Case) -> Option<String> {
    let share =
        given(case, "held_back").filter(|share| share.value.is_some_and(|share| share >= LEAST_HELD_PERCENT))?;
    Some(format!(
        "{}: in {} of its reactions a reply was late although the command was not: the bridge's side of the connection \
         held it until the previous reply was acknowledged (Nagle's algorithm and delayed acknowledgement). {REMEDY}",
        case.path,
        with_interval(share)
    ))
}

/// The finding that replies of an open loop were late although commands were not.
fn held_replies(comparison: &StrategyComparison<'_>) -> Vec<String> {
    let of_way = |(way, samples): (&SendStrategy, &StrategySamples)| {
        let held = held(samples)?;
        Some(format!(
            "{}: {:.0} % of the replies ({} of {}) were held by the bridge's side of the connection until the previous \
             reply was acknowledged (Nagle's algorithm and delayed acknowledgement). {REMEDY}",
            way.path(),
            held.share() * 100.0,
            held.count(),
            held.is_held.len()
        ))
    };
    comparison.study.ways.iter().zip(&comparison.samples.ways).filter_map(of_way).collect()
}

/// `×0.52 [0.50, 0.55]`.
fn times(ratio: &Metric) -> String {
    let value = ratio.value.unwrap_or_default();
    match (ratio.ci_low, ratio.ci_high) {
        (Some(low), Some(high)) => format!("×{value:.3} [{low:.3}, {high:.3}]"),
        _ => format!("×{value:.3}"),
    }
}

fn codecs(comparison: &StrategyComparison<'_>, cases: &[Case]) -> Vec<String> {
    let compared =
        (0..cases.len()).filter_map(|place| Some((&cases[place], &cases[comparison.study.baseline(place)?])));
    compared
        .filter_map(|(case, baseline)| {
            let both = |name| Some((given(case, name)?.value?, given(baseline, name)?.value?));
            let (bytes, of) = both("bytes")?;
            let (encode, decode) = (both("encode")?, both("decode")?);
            let end_to_end = given(case, "p50_ratio").map_or("not sent".into(), times);
            Some(format!(
                "{} compared with {}: {bytes} instead of {of} bytes ({:+.0} %), encoding {:.2} instead of {:.2} µs, \
                 decoding {:.2} instead of {:.2} µs, end to end (median) {end_to_end}.",
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
            "{}: {share:.1} % delivered (n {of_all}); when the last one was applied is unknown, since a reply was \
             missing.",
            case.path
        ),
        Some(drain) => {
            let rounds = if drain.n == delivered.n { of_all } else { format!("{} of {of_all}", drain.n) };
            let drain = with_interval(drain);
            format!(
                "{}: {share:.1} % delivered, the last one applied {drain} after the last write (n {rounds}).",
                case.path
            )
        }
    })
}

/// Frames per reaction for each way.
fn frames(cases: &[Case]) -> Option<String> {
    let each: Vec<String> =
        cases.iter().filter_map(|case| Some(format!("{} {:.1}", case.path, given(case, "frames")?.value?))).collect();
    (!each.is_empty())
        .then(|| format!("Frames per reaction, from the frame numbers in the replies: {}.", each.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::super::super::super::study::StopReason;
    use super::super::cases::planted::{planned, way};
    use super::super::held::MessageSeries;
    use super::super::samples::VariantSamples;
    use super::*;
    use crate::measure::planted::{at_frames, nagled, ready};

    fn told(line: &str, samples: &VariantSamples) -> Vec<String> {
        let (plan, study) = planned(line);
        let comparison = StrategyComparison { plan: &plan, study: &study, samples };
        sentences(&comparison, &comparison.cases(Some(StopReason::Planned)))
    }

    #[test]
    fn each_way_is_stated_relative_to_the_baseline() {
        let samples = VariantSamples { ways: vec![way(8, &[]), way(4, &[])], ..VariantSamples::default() };
        let expected = "Mean latency per command: mode/request 8.000 ms [8.000, 8.000]; relative to that, \
            mode/pipelined ×0.500 [0.500, 0.500] (n 8 rounds).";
        assert_eq!(told("--mode request,pipelined --rounds 8", &samples), [expected]);
    }

    #[test]
    fn batch_verdict_comes_first() {
        for (applied, leads) in [
            (Some(true), "Batches are applied: seen."),
            (Some(false), "Batches are acknowledged and NOT applied: seen."),
            (None, "Whether batches are applied is unknown: seen."),
        ] {
            let batches = Some(BatchVerdict { applied, evidence: "seen".into() });
            let samples = VariantSamples { ways: vec![way(8, &[]), way(4, &[])], batches, ..VariantSamples::default() };
            let told = told("--batch 1,5 --rounds 8", &samples);
            assert_eq!(told[0], leads);
            // Commands that are only acknowledged are not compared.
            assert_eq!(told.len(), if applied == Some(true) { 2 } else { 1 }, "{told:?}");
        }
    }

    #[test]
    fn held_replies_of_batches_are_named_with_the_fix() {
        let told_of = |nagle: bool| {
            let mut batches = way(8, &[]);
            for (seed, sample) in (1..).zip(batches.rounds.iter_mut().flatten()) {
                let ready = ready(50.0, seed, at_frames(16_667_000));
                let arrived =
                    if nagle { nagled(&ready, 40_000_000) } else { ready.iter().map(|(_, at)| at + 60_000).collect() };
                sample.messages = MessageSeries {
                    due_ns: ready.iter().map(|(sent, _)| *sent).collect(),
                    lateness_ns: vec![0; ready.len()],
                    latency_ns: arrived.iter().zip(&ready).map(|(at, (sent, _))| at - sent).collect(),
                };
            }
            let samples = VariantSamples { ways: vec![batches, way(4, &[])], ..VariantSamples::default() };
            told("--batch 1,5 --rounds 8", &samples)
        };
        let told = told_of(true);
        let held = told.iter().find(|finding| finding.starts_with("batch/1: ")).expect("the planted pattern");
        assert!(held.contains(" of 2400) were held by") && held.contains("TCP_NODELAY"), "{held}");
        assert!(told_of(false).iter().all(|finding| !finding.contains("were held by")));
    }

    #[test]
    fn late_replies_of_reactions_are_named_from_a_fifth() {
        let told = |held: f64| {
            let figures = [("held_back", held)];
            let samples =
                VariantSamples { ways: vec![way(1, &[]), way(8, &[]), way(4, &figures)], ..VariantSamples::default() };
            told("--reaction 3 --rounds 8", &samples)
        };
        let named = |held| told(held).iter().any(|finding| finding.starts_with("reaction/pipelined:3: in 20.00 %"));
        assert!(named(20.0) && !named(19.0));
        let lead = "Workly sends one command per answer and does not wait for the bridge's reply: it is applied after \
            1.000 ms";
        assert!(told(0.0)[0].starts_with(lead), "{:?}", told(0.0));
        let callers = "Sending 3 commands at once, which Workly does not do; time until the last one is acknowledged \
            as applied: one by one (each after the previous reply) 8.000 ms";
        assert!(told(0.0)[1].starts_with(callers), "{:?}", told(0.0));
    }

    #[test]
    fn codecs_are_compared_per_shape() {
        let of = |bytes: f64| [("bytes", bytes), ("encode", 2.0), ("decode", 3.0)];
        let ways = (0..10).map(|place| way(4, &of(if place % 2 == 0 { 100.0 } else { 80.0 }))).collect();
        let told = told(
            "--codec --rounds 8 --bridge embedded:dialect=instrumented",
            &VariantSamples { ways, ..VariantSamples::default() },
        );
        assert_eq!(told.len(), 5);
        let expected = "codec/msgpack/expression compared with codec/json/expression: 80 instead of 100 bytes (-20 %), \
            encoding 2.00 instead of 2.00 µs, decoding 3.00 instead of 3.00 µs, end to end (median) ×1.000 [1.000, \
            1.000].";
        assert_eq!(told[0], expected);
    }

    #[test]
    fn delivery_is_stated_with_or_without_the_drain() {
        let told = |figures: &[(&'static str, f64)]| {
            let samples = VariantSamples { ways: vec![way(1, figures)], ..VariantSamples::default() };
            told("--mode fire-and-forget --rounds 8", &samples)
        };
        let drained = told(&[("delivered", 100.0), ("drain", 3.0)]);
        assert!(drained[0].contains("100.0 % delivered, the last one applied 3.000 ms"), "{drained:?}");
        assert!(drained[0].ends_with("after the last write (n 8 rounds)."), "{drained:?}");
        let missed = told(&[("delivered", 90.0)]);
        assert!(
            missed[0].contains("90.0 % delivered (n 8 rounds); when the last one was applied is unknown"),
            "{missed:?}"
        );
        let frames = told(&[("frames", 3.0)]);
        assert_eq!(frames, ["Frames per reaction, from the frame numbers in the replies: mode/fire-and-forget 3.0."]);
    }
}
