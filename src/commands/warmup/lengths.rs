//! Prompts and replies of many lengths, and what a token of each costs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::json;

use crate::clock::ms;
use crate::llm::engine::{EngineError, Model, Session, Token};
use crate::measure::average;
use crate::plan::{REPLY_TO_A_PROMPT, WarmupPlan};
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus};
use crate::stats::{Line, median_of_sorted, robust_line};

/// A prompt and a reply of certain lengths, and how they went.
#[derive(Debug)]
struct Length {
    path: String,
    prompt: Vec<Token>,
    n_gen: usize,
    /// Until the first token, a round each, in milliseconds.
    ttft_ms: Vec<f64>,
    /// From one token to the next: the mean of each round.
    token_ms: Vec<f64>,
    /// The whole.
    elapsed_ms: Vec<f64>,
}

/// What came of the lengths.
#[derive(Debug)]
pub(super) struct Lengths {
    all: Vec<Length>,
    /// Whether Ctrl-C ended it.
    pub(super) interrupted: bool,
}

/// How many lengths there are.
pub(super) fn count(plan: &WarmupPlan) -> u64 {
    (plan.sentences.len() + plan.prompts.len() + plan.replies.len()) as u64 * u64::from(plan.length_runs)
}

/// Measures all lengths in every round, in random order.
pub(super) fn measure<E: From<EngineError>>(
    plan: &WarmupPlan,
    (model, session): (&Model, &mut Session<'_>),
    done: &AtomicU64,
    stop: &AtomicBool,
    mut keep: impl FnMut(&Lengths) -> Result<(), E>,
) -> Result<Lengths, E> {
    let mut lengths = Lengths { all: planned(plan, model), interrupted: false };
    let mut rng = StdRng::seed_from_u64(plan.seed);
    for _ in 0..plan.length_runs {
        let mut order: Vec<usize> = (0..lengths.all.len()).collect();
        order.shuffle(&mut rng);
        for at in order {
            let length = &mut lengths.all[at];
            match session.turn(&length.prompt, length.n_gen, stop) {
                Ok(timing) => {
                    length.ttft_ms.push(ms(timing.ttft_ns));
                    length.elapsed_ms.push(ms(timing.elapsed_ns));
                    let rest_ms = ms(timing.elapsed_ns - timing.ttft_ns);
                    length.token_ms.push(rest_ms / timing.inter_token_ns.len().max(1) as f64);
                }
                Err(EngineError::Stopped { .. }) => {
                    lengths.interrupted = true;
                    return Ok(lengths);
                }
                Err(error) => return Err(error.into()),
            }
            done.fetch_add(1, Ordering::Relaxed);
        }
        keep(&lengths)?;
    }
    Ok(lengths)
}

fn planned(plan: &WarmupPlan, model: &Model) -> Vec<Length> {
    let length = |path: String, prompt: Vec<Token>, n_gen: u32| Length {
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

/// All cases of the lengths: each of them, and the lines through them.
pub(super) fn cases(lengths: &Lengths) -> Vec<Case> {
    let state = if lengths.interrupted { CaseState::Interrupted } else { CaseState::Ok };
    let reason = || lengths.interrupted.then(|| "interrupted".to_owned());
    let each = lengths.all.iter().filter(|length| !length.ttft_ms.is_empty()).map(|length| Case {
        path: length.path.clone(),
        state,
        reason: reason(),
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
    });
    let fits = lines(lengths).into_iter().map(|(name, unit, line)| Case {
        path: format!("cost/{name}"),
        state,
        reason: reason(),
        duration_s: 0.0,
        conditions: json!({ "fit": "Theil–Sen through the medians", "a": unit }),
        notes: Vec::new(),
        metrics: fit_metrics(line),
        histograms: Vec::new(),
    });
    each.chain(fits).collect()
}

/// What each line is through: the time to the first token over the prompt, the reply over its tokens, and the time from token
/// to token over what the context holds.
pub(super) fn lines(lengths: &Lengths) -> [(&'static str, &'static str, Option<Line>); 3] {
    let of = |kind: &str, x: fn(&Length) -> usize, y: fn(&Length) -> Vec<f64>| {
        let chosen = lengths.all.iter().filter(|length| length.path.starts_with(kind));
        let points = chosen.filter_map(|length| Some((x(length) as f64, median(y(length))?)));
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

fn line(mut points: Vec<(f64, f64)>) -> Option<Line> {
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points.dedup_by_key(|point| point.0.to_bits());
    robust_line(&points, 0.95)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| median_of_sorted(&values))
}

fn fit_metrics(line: Option<Line>) -> Vec<Metric> {
    let Some(line) = line else {
        let absent = |name: &str, unit: &str| Metric::absent(name, unit, 0, Direction::Lower, MetricStatus::TooFew);
        return vec![absent("per_token", "ms"), absent("fixed", "ms"), absent("farthest", "ms")];
    };
    let n = line.slope.n as u64;
    vec![
        Metric {
            ci_low: line.slope.interval.map(|interval| interval.0),
            ci_high: line.slope.interval.map(|interval| interval.1),
            ..Metric::plain("per_token", "ms", line.slope.value, n, Direction::Lower)
        },
        Metric::plain("fixed", "ms", line.intercept, n, Direction::None),
        Metric::plain("farthest", "ms", line.farthest, n, Direction::None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planted() -> Lengths {
        let length = |kind: &str, tokens: usize, n_gen: usize| {
            let token_ms = 2.0 + 0.001 * tokens as f64;
            let ttft_ms = 5.0 + 0.5 * tokens as f64;
            Length {
                path: format!("{kind}/{tokens}"),
                prompt: vec![0; tokens],
                n_gen,
                ttft_ms: vec![ttft_ms; 3],
                token_ms: vec![token_ms; 3],
                elapsed_ms: vec![ttft_ms + 2.0 * (n_gen - 1) as f64; 3],
            }
        };
        let prompts = [3, 12, 40, 64, 128, 512].map(|tokens| length("prompt", tokens, 8));
        let replies = [25, 50, 100, 150, 250].map(|n_gen| length("reply", 3, n_gen));
        Lengths { all: prompts.into_iter().chain(replies).collect(), interrupted: false }
    }

    #[test]
    fn planted_costs_are_found() {
        for ((name, _, line), (slope, fixed)) in
            lines(&planted()).into_iter().zip([(0.5, 5.0), (2.0, 0.0), (0.001, 2.0)])
        {
            let line = line.unwrap();
            assert!(
                (line.slope.value - slope).abs() < 1e-9 && (line.intercept - fixed).abs() < 1e-9,
                "{name}: {line:?}"
            );
            assert!(line.slope.interval.is_some(), "{name}");
        }
        let cases = cases(&planted());
        assert_eq!(cases.len(), 11 + 3);
    }

    #[test]
    fn without_lengths_there_is_no_line() {
        let none = Lengths { all: Vec::new(), interrupted: true };
        assert!(lines(&none).iter().all(|(_, _, line)| line.is_none()));
        assert_eq!(cases(&none)[0].metrics[0].status, MetricStatus::TooFew);
    }
}
