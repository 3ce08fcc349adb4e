//! A conversation, turn by turn, with and without prefix reuse.

use std::sync::atomic::Ordering;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::super::study::RunContext;
use super::start_cases::percent_change;
use super::study::WarmupSamples;
use crate::clock::ms;
use crate::failure::Failure;
use crate::llm::Conversation;
use crate::llm::engine::{Model, ModelSession, TurnTiming};
use crate::measure::{ReplyEnd, average, end_metrics, end_of};
use crate::plan::WarmupPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus, Timeline, TimelineSeries};
use crate::stats::{PairedRatio, paired_ratio};

/// One turn, run twice: with prefix reuse, and without.
#[derive(Debug)]
pub(super) struct PairedTurn {
    /// Whether the history has begun to roll: prompts then no longer share a prefix with the previous one.
    pub(super) rolling: bool,
    pub(super) n_prompt: usize,
    /// Number of reused tokens.
    pub(super) kept: usize,
    pub(super) with_ms: f64,
    pub(super) without_ms: f64,
    /// Whether both gave the same tokens.
    pub(super) same: bool,
    /// Where the application would have ended the reply.
    pub(super) end: ReplyEnd,
}

/// The conversation so far.
#[derive(Debug, Default)]
pub(super) struct PrefixSamples {
    pub(super) turns: Vec<PairedTurn>,
    /// Whether the context was too small for another turn.
    pub(super) full: bool,
}

/// Savings by prefix reuse over some of the turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrefixSavings {
    /// Ratio of the times to first token, with reuse to without.
    pub(super) ratio: PairedRatio,
    /// Share of all prompt tokens that was reused.
    pub(super) kept: f64,
}

impl PrefixSavings {
    /// Whether anything was reused; otherwise both computed the same, and their difference is noise.
    pub(super) fn has_kept(&self) -> bool {
        self.kept > 0.0
    }
}

/// Runs the conversation, with a checkpoint after each turn. `sessions` are two equal contexts: one recomputes each
/// prompt, one reuses its prefix.
pub(super) fn measure(
    plan: &WarmupPlan,
    model: &Model,
    (all, keeping): (&mut ModelSession<'_>, &mut ModelSession<'_>),
    samples: &mut WarmupSamples,
    context: &mut RunContext<'_, WarmupSamples>,
) -> Result<(), Failure> {
    let phase = context.observer.phase("turns", plan.turns.into());
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let mut conversation = Conversation::new(plan.script.system.clone(), plan.context_limit as usize);
    let (n_gen, conventions) = (plan.reply_tokens as usize, plan.conventions());
    for (at, text) in plan.script.messages.iter().cycle().take(plan.turns as usize).enumerate() {
        conversation.ask(text.clone());
        let prompt = conventions.prompt(model, &conversation.messages());
        if prompt.len() + n_gen - 1 > all.spec().n_ctx as usize {
            samples.prefix.full = true;
            break;
        }
        let keeping_first = rng.random::<bool>();
        let mut answers: [Option<(usize, TurnTiming)>; 2] = [None, None];
        for keeps in [keeping_first, !keeping_first] {
            let answer = if keeps {
                keeping.turn_on_prefix(&prompt, n_gen, conventions.draw(), context.stop)?
            } else {
                (0, conventions.answer(all, &prompt, n_gen, context.stop)?)
            };
            answers[usize::from(keeps)] = Some(answer);
        }
        let [Some((_, without)), Some((kept, with))] = answers else { break };
        conversation.answer(model.text(&without.tokens));
        samples.prefix.turns.push(PairedTurn {
            // Each turn before this one is an exchange.
            rolling: at > plan.context_limit as usize,
            n_prompt: prompt.len(),
            kept,
            with_ms: ms(with.ttft_ns),
            without_ms: ms(without.ttft_ns),
            same: with.tokens == without.tokens,
            end: if conventions.is_app { end_of(model, &without.tokens) } else { ReplyEnd::Unknown },
        });
        phase.counter().fetch_add(1, Ordering::Relaxed);
        context.checkpoint(samples)?;
    }
    Ok(())
}

impl PrefixSamples {
    fn is_complete(&self, plan: &WarmupPlan) -> bool {
        self.full || self.turns.len() >= plan.turns as usize
    }

    /// Savings while the conversation grows, without the first turn, or while it rolls; `None` without such turns.
    pub(super) fn saved(&self, rolling: bool) -> Option<PrefixSavings> {
        let turns: Vec<&PairedTurn> = self.of(rolling).collect();
        let column = |read: fn(&PairedTurn) -> f64| turns.iter().map(|turn| read(turn)).collect::<Vec<_>>();
        let ratio = paired_ratio(&column(|turn| turn.with_ms), &column(|turn| turn.without_ms))?;
        let tokens: usize = turns.iter().map(|turn| turn.n_prompt).sum();
        let kept: usize = turns.iter().map(|turn| turn.kept).sum();
        Some(PrefixSavings { ratio, kept: kept as f64 / tokens.max(1) as f64 })
    }

    /// Turns with the same tokens in both ways, and all turns.
    pub(super) fn same(&self) -> (usize, usize) {
        (self.turns.iter().filter(|turn| turn.same).count(), self.turns.len())
    }

    fn of(&self, rolling: bool) -> impl Iterator<Item = &PairedTurn> {
        // The first turn has nothing to reuse.
        self.turns.iter().skip(1).filter(move |turn| turn.rolling == rolling)
    }
}

/// The cases: the growing and the rolling conversation. `cut_off` means that the run ended early.
pub(super) fn cases(plan: &WarmupPlan, prefix: &PrefixSamples, cut_off: bool) -> Vec<Case> {
    let cut_off = cut_off && !prefix.is_complete(plan);
    let cases = [("growing", false), ("rolling", true)].map(|(name, rolling)| case(prefix, name, rolling, cut_off));
    let mut cases: Vec<Case> = cases.into_iter().flatten().collect();
    if let Some(case) = cases.first_mut() {
        timeline(prefix).keep(case);
    }
    cases
}

fn case(prefix: &PrefixSamples, name: &str, rolling: bool, cut_off: bool) -> Option<Case> {
    let saved = prefix.saved(rolling)?;
    let turns: Vec<&PairedTurn> = prefix.of(rolling).collect();
    let n = turns.len() as u64;
    let column = |read: fn(&PairedTurn) -> f64| turns.iter().map(|turn| read(turn)).collect::<Vec<_>>();
    let same = turns.iter().filter(|turn| turn.same).count();
    let change = if saved.has_kept() {
        percent_change(&saved.ratio, Direction::Lower)
    } else {
        Metric::absent("change", "%", n, Direction::Lower, MetricStatus::Unsupported)
    };
    let mut notes = Vec::new();
    if same < turns.len() {
        notes.push(
            "Some replies differ with and without prefix reuse: batches of different sizes round differently, which \
             decides between equally likely tokens."
                .to_owned(),
        );
    }
    if !saved.has_kept() {
        notes.push("No prompt token could be reused, so there is no change to report.".to_owned());
    }
    let ends: Vec<ReplyEnd> = turns.iter().map(|turn| turn.end).collect();
    let case = Case {
        path: format!("prefix/{name}"),
        state: CaseState::Ok,
        reason: None,
        duration_s: turns.iter().map(|turn| (turn.with_ms + turn.without_ms) / 1e3).sum(),
        conditions: json!({ "turns": n, "same_tokens": same }),
        notes,
        metrics: vec![
            average("ttft_without", "ms", &column(|turn| turn.without_ms), Direction::Lower),
            average("ttft_with", "ms", &column(|turn| turn.with_ms), Direction::Lower),
            change,
            Metric::plain("kept", "%", 100.0 * saved.kept, n, Direction::Higher),
            Metric::plain("same_tokens", "count", same as f64, n, Direction::Higher),
        ]
        .into_iter()
        .chain(end_metrics(&ends))
        .collect(),
        histograms: Vec::new(),
    };
    let reason = format!("interrupted after {}", counted(prefix.turns.len(), "turn"));
    Some(if cut_off { case.cut_off(reason) } else { case })
}

fn timeline(prefix: &PrefixSamples) -> Timeline {
    let series = |name: &str, unit: &str, read: fn(&PairedTurn) -> f64| TimelineSeries {
        name: name.into(),
        unit: unit.into(),
        values: prefix.turns.iter().map(|turn| Some(read(turn))).collect(),
    };
    Timeline {
        along: "turn".into(),
        at: (1..=prefix.turns.len()).map(|at| at as f64).collect(),
        series: vec![
            series("ttft_without", "ms", |turn| turn.without_ms),
            series("ttft_with", "ms", |turn| turn.with_ms),
            series("prompt", "tokens", |turn| turn.n_prompt as f64),
            series("kept", "tokens", |turn| turn.kept as f64),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::super::planted;
    use super::*;

    #[test]
    fn prefix_reuse_changes_the_wait_by_its_paired_ratio() {
        let cases = cases(&planted::plan(), &planted::prefix(), false);
        let value = |case: usize, name: &str| cases[case].metric(name).unwrap().value;
        assert_eq!(
            (cases[0].path.as_str(), cases[1].path.as_str(), cases.len()),
            ("prefix/growing", "prefix/rolling", 2)
        );
        // Six turns after the first, each in half the time, with three of four tokens reused.
        assert!((value(0, "change").unwrap() + 50.0).abs() < 1e-9);
        assert_eq!(
            (value(0, "kept"), value(0, "same_tokens"), value(0, "ttft_with")),
            (Some(75.0), Some(6.0), Some(20.0))
        );
        assert_eq!(cases[0].metric("change").unwrap().n, 6);
        assert!(cases[0].metric("change").unwrap().ci_low.is_some());
        // Two turns without reuse, one of which has other tokens.
        let rolling = cases[1].metric("change").unwrap();
        assert_eq!((rolling.status, value(1, "kept"), cases[1].notes.len()), (MetricStatus::Unsupported, Some(0.0), 2));
        assert_eq!((value(0, "replies_ended"), value(0, "tokens_at_end")), (Some(1.0), Some(3.0)));
        assert_eq!((value(1, "replies_ended"), value(1, "tokens_at_end")), (Some(0.0), None));
        assert_eq!(Timeline::of(&cases[0]).unwrap().at.len(), 9);
    }

    #[test]
    fn interrupted_conversation_is_partial_and_full_one_is_not() {
        let mut prefix = planted::prefix();
        prefix.turns.pop();
        let state = |prefix: &PrefixSamples| {
            let growing = cases(&planted::plan(), prefix, true).remove(0);
            (growing.state, growing.reason, growing.metrics[0].status)
        };
        let reason = Some("interrupted after 8 turns".to_owned());
        assert_eq!(state(&prefix), (CaseState::Interrupted, reason, MetricStatus::Partial));
        prefix.full = true;
        assert_eq!(state(&prefix), (CaseState::Ok, None, MetricStatus::Ok));
        assert!(cases(&planted::plan(), &PrefixSamples::default(), true).is_empty());
    }
}
