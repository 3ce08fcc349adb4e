//! Prompts and replies of many lengths, and the cost per token.

use std::sync::atomic::Ordering;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use super::super::study::RunContext;
use super::study::WarmupSamples;
use crate::clock::ms;
use crate::failure::Failure;
use crate::llm::engine::{Model, ModelSession, Token};
use crate::measure::average;
use crate::plan::{REPLY_TO_A_PROMPT, WarmupPlan};
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::{FittedLine, median_of, robust_line};

/// One prompt and reply length, with its timings.
#[derive(Debug)]
pub(super) struct LengthCase {
    pub(super) path: String,
    pub(super) prompt: Vec<Token>,
    pub(super) n_gen: usize,
    /// Time to first token per round, in milliseconds.
    pub(super) ttft_ms: Vec<f64>,
    /// Mean inter-token latency per round, in milliseconds.
    pub(super) token_ms: Vec<f64>,
    /// Total time per round, in milliseconds.
    pub(super) elapsed_ms: Vec<f64>,
}

impl LengthCase {
    fn is_complete(&self, plan: &WarmupPlan) -> bool {
        self.ttft_ms.len() >= plan.length_runs as usize
    }
}

/// The lengths so far; empty before the first round.
#[derive(Debug, Default)]
pub(super) struct LengthSamples {
    pub(super) all: Vec<LengthCase>,
}

/// Measures all lengths in every round, in random order, with a checkpoint after each round.
pub(super) fn measure(
    plan: &WarmupPlan,
    (model, session): (&Model, &mut ModelSession<'_>),
    samples: &mut WarmupSamples,
    context: &mut RunContext<'_, WarmupSamples>,
) -> Result<(), Failure> {
    samples.lengths.all = planned(plan, model);
    let steps = samples.lengths.all.len() as u64 * u64::from(plan.length_runs);
    let phase = context.observer.phase("lengths", steps);
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let conventions = plan.conventions();
    for _ in 0..plan.length_runs {
        let mut order: Vec<usize> = (0..samples.lengths.all.len()).collect();
        order.shuffle(&mut rng);
        for at in order {
            let length = &mut samples.lengths.all[at];
            let timing = conventions.answer(session, &length.prompt, length.n_gen, context.stop)?;
            length.ttft_ms.push(ms(timing.ttft_ns));
            length.elapsed_ms.push(ms(timing.elapsed_ns));
            let rest_ms = ms(timing.elapsed_ns - timing.ttft_ns);
            length.token_ms.push(rest_ms / timing.inter_token_ns.len().max(1) as f64);
            phase.counter().fetch_add(1, Ordering::Relaxed);
        }
        context.checkpoint(samples)?;
    }
    Ok(())
}

fn planned(plan: &WarmupPlan, model: &Model) -> Vec<LengthCase> {
    let length = |path: String, prompt: Vec<Token>, n_gen: u32| LengthCase {
        path,
        prompt,
        n_gen: n_gen as usize,
        ttft_ms: Vec::new(),
        token_ms: Vec::new(),
        elapsed_ms: Vec::new(),
    };
    let sentences = plan.sentences.iter().map(|text| {
        let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        length(format!("prompt/{words}-words"), model.tokenize(text), REPLY_TO_A_PROMPT)
    });
    let prompts = plan
        .prompts
        .iter()
        .map(|tokens| length(format!("prompt/{tokens}"), model.measured_tokens(*tokens as usize), REPLY_TO_A_PROMPT));
    let short = model.tokenize(plan.sentences.first().copied().unwrap_or("Bonjour"));
    let replies = plan.replies.iter().map(|tokens| length(format!("reply/{tokens}"), short.clone(), *tokens));
    sentences.chain(prompts).chain(replies).collect()
}

/// All cases of the lengths: one per length, and the fitted lines. `cut_off` means that the run ended early.
pub(super) fn cases(plan: &WarmupPlan, lengths: &LengthSamples, cut_off: bool) -> Vec<Case> {
    if lengths.all.is_empty() {
        return Vec::new();
    }
    let measured = lengths.all.iter().filter(|length| !length.ttft_ms.is_empty());
    let each = measured.map(|length| case(length, cut_off && !length.is_complete(plan)));
    let cut_off = cut_off && !lengths.all.iter().all(|length| length.is_complete(plan));
    each.chain(lines(lengths).into_iter().map(|line| fit(line, cut_off))).collect()
}

fn case(length: &LengthCase, cut_off: bool) -> Case {
    let case = Case {
        path: length.path.clone(),
        state: CaseState::Ok,
        reason: None,
        duration_s: length.elapsed_ms.iter().sum::<f64>() / 1e3,
        conditions: json!({ "n_prompt": length.prompt.len(), "n_gen": length.n_gen }),
        notes: Vec::new(),
        metrics: vec![
            Metric::plain("prompt", "tokens", length.prompt.len() as f64, 1, Direction::None),
            Metric::plain("generated", "tokens", length.n_gen as f64, 1, Direction::None),
            average("ttft", "ms", &length.ttft_ms, Direction::Lower),
            average("inter_token", "ms", &length.token_ms, Direction::Lower),
            average("whole", "ms", &length.elapsed_ms, Direction::Lower),
        ],
        histograms: Vec::new(),
    };
    let rounds = length.ttft_ms.len();
    if cut_off { case.cut_off(format!("interrupted after {}", counted(rounds, "round"))) } else { case }
}

fn fit((name, unit, line): (&str, &str, Option<FittedLine>), cut_off: bool) -> Case {
    let case = Case {
        path: format!("cost/{name}"),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.0,
        conditions: json!({ "fit": "Theil–Sen through the medians", "a": unit }),
        notes: Vec::new(),
        metrics: fit_metrics(line),
        histograms: Vec::new(),
    };
    if cut_off { case.cut_off("interrupted before the last round of lengths".into()) } else { case }
}

/// The points of each line: time to first token by prompt length, reply time by its tokens, and inter-token latency by
/// tokens in the context.
pub(super) fn lines(lengths: &LengthSamples) -> [(&'static str, &'static str, Option<FittedLine>); 3] {
    let of = |kind: &str, x: fn(&LengthCase) -> usize, y: fn(&LengthCase) -> Vec<f64>| {
        let chosen = lengths.all.iter().filter(|length| length.path.starts_with(kind));
        let points = chosen.filter_map(|length| Some((x(length) as f64, median_of(&y(length))?)));
        line(points.collect())
    };
    [
        (
            "prompt-token",
            "token of the prompt",
            of("prompt/", |length| length.prompt.len(), |length| length.ttft_ms.clone()),
        ),
        (
            "reply-token",
            "token of the reply after the first",
            of(
                "reply/",
                |length| length.n_gen - 1,
                |length| length.elapsed_ms.iter().zip(&length.ttft_ms).map(|(whole, ttft)| whole - ttft).collect(),
            ),
        ),
        (
            "context-token",
            "token in the context, for each token of a reply",
            of("prompt/", |length| length.prompt.len(), |length| length.token_ms.clone()),
        ),
    ]
}

fn line(mut points: Vec<(f64, f64)>) -> Option<FittedLine> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by_key(|point| point.0.to_bits());
    robust_line(&points, 0.95)
}

fn fit_metrics(line: Option<FittedLine>) -> Vec<Metric> {
    let Some(line) = line else {
        let absent = |name: &str, unit: &str| Metric::absent(name, unit, 0, Direction::Lower, MetricStatus::TooFew);
        return vec![absent("per_token", "ms"), absent("fixed", "ms"), absent("farthest", "ms")];
    };
    let n = line.slope.n as u64;
    vec![
        Metric::plain("per_token", "ms", line.slope.value, n, Direction::Lower).with_interval(line.slope.interval),
        Metric::plain("fixed", "ms", line.intercept, n, Direction::None),
        Metric::plain("farthest", "ms", line.farthest, n, Direction::None),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::*;

    #[test]
    fn planted_costs_per_token_are_found() {
        for ((name, _, line), (slope, fixed)) in
            lines(&planted::lengths()).into_iter().zip([(0.5, 5.0), (2.0, 0.0), (0.001, 2.0)])
        {
            let line = line.unwrap();
            assert!(
                (line.slope.value - slope).abs() < 1e-9 && (line.intercept - fixed).abs() < 1e-9,
                "{name}: {line:?}"
            );
            assert!(line.slope.interval.is_some(), "{name}");
        }
    }

    #[test]
    fn lengths_and_costs_are_cases() {
        let cases = cases(&planted::plan(), &planted::lengths(), false);
        let paths: Vec<&str> = cases.iter().map(|case| case.path.as_str()).collect();
        assert_eq!(paths[..2], ["prompt/3", "prompt/12"]);
        assert_eq!(paths[10..], ["reply/250", "cost/prompt-token", "cost/reply-token", "cost/context-token"]);
        assert!(cases.iter().all(|case| case.state == CaseState::Ok && case.reason.is_none()));
        let value = |case: usize, name: &str| cases[case].metric(name).unwrap().value;
        assert_eq!(
            (value(1, "ttft"), value(1, "inter_token"), value(1, "whole")),
            (Some(11.0), Some(2.012), Some(25.0))
        );
        assert_eq!(cases[1].metric("ttft").unwrap().n, 3);
    }

    #[test]
    fn interruption_marks_lengths_with_missing_rounds_and_their_lines() {
        let mut lengths = planted::lengths();
        let last = lengths.all.last_mut().unwrap();
        last.ttft_ms.pop();
        let cases = cases(&planted::plan(), &lengths, true);
        let state = |path: &str| {
            let case = cases.iter().find(|case| case.path == path).unwrap();
            (case.state, case.reason.as_deref(), case.metrics[0].status)
        };
        assert_eq!(state("prompt/3"), (CaseState::Ok, None, MetricStatus::Ok));
        let after = Some("interrupted after 2 rounds");
        assert_eq!(state("reply/250"), (CaseState::Interrupted, after, MetricStatus::Partial));
        let before = Some("interrupted before the last round of lengths");
        assert_eq!(state("cost/reply-token"), (CaseState::Interrupted, before, MetricStatus::Partial));
    }

    #[test]
    fn no_line_without_lengths() {
        let none = LengthSamples::default();
        assert!(lines(&none).iter().all(|(_, _, line)| line.is_none()));
        assert!(cases(&planted::plan(), &none, true).is_empty());
        let mut begun = planted::lengths();
        begun.all.iter_mut().for_each(|length| length.ttft_ms.clear());
        assert_eq!(cases(&planted::plan(), &begun, true)[0].metrics[0].status, MetricStatus::TooFew);
    }
}
