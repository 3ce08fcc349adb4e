//! A conversation, turn by turn: with what the context still holds of the last turn computed again, and not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::clock::ms;
use crate::llm::Conversation;
use crate::llm::engine::{EngineError, Model, Session, TurnTiming};
use crate::measure::average;
use crate::plan::WarmupPlan;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Metric, MetricStatus, Series, Timeline};
use crate::stats::{PairedRatio, paired_ratio};

/// One turn, taken twice.
#[derive(Debug)]
struct Turn {
    /// Whether the conversation had begun to forget: then a prompt no longer begins as the last one did.
    rolling: bool,
    n_prompt: usize,
    /// Tokens that were not computed again.
    kept: usize,
    with_ms: f64,
    without_ms: f64,
    /// Whether both gave the same tokens.
    same: bool,
}

/// What came of the conversation.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    turns: Vec<Turn>,
    /// Whether Ctrl-C ended it.
    pub(super) interrupted: bool,
    /// Whether the context was too small for another turn.
    pub(super) full: bool,
}

/// What a kept prefix saves in some of the turns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saved {
    /// Time to the first token, with over without.
    pub(super) ratio: PairedRatio,
    /// The share of all tokens of prompts that was kept.
    pub(super) kept: f64,
}

impl Saved {
    /// Whether anything was kept: else both ways computed the same, and what their times differ by is noise.
    pub(super) fn has_kept(&self) -> bool {
        self.kept > 0.0
    }
}

/// Holds the conversation. `sessions` are two contexts alike: one that computes all of each prompt, one that keeps.
pub(super) fn measure<E: From<EngineError>>(
    plan: &WarmupPlan,
    model: &Model,
    (all, keeping): (&mut Session<'_>, &mut Session<'_>),
    done: &AtomicU64,
    stop: &AtomicBool,
    mut keep: impl FnMut(&Prefix) -> Result<(), E>,
) -> Result<Prefix, E> {
    let mut prefix = Prefix::default();
    let mut rng = StdRng::seed_from_u64(plan.seed);
    let mut conversation = Conversation::new(plan.script.system.clone(), plan.context_limit as usize);
    let n_gen = plan.reply_tokens as usize;
    for (at, text) in plan.script.messages.iter().cycle().take(plan.turns as usize).enumerate() {
        conversation.ask(text.clone());
        let prompt = model.chat_prompt(&conversation.messages()).tokens;
        if prompt.len() + n_gen - 1 > all.spec().n_ctx as usize {
            prefix.full = true;
            break;
        }
        let keeping_first = rng.random::<bool>();
        let mut answers: [Option<(usize, TurnTiming)>; 2] = [None, None];
        for keeps in [keeping_first, !keeping_first] {
            let answer = if keeps {
                keeping.turn_on_prefix(&prompt, n_gen, stop)
            } else {
                all.turn(&prompt, n_gen, stop).map(|timing| (0, timing))
            };
            match answer {
                Ok(answer) => answers[usize::from(keeps)] = Some(answer),
                Err(EngineError::Stopped { .. }) => {
                    prefix.interrupted = true;
                    return Ok(prefix);
                }
                Err(error) => return Err(error.into()),
            }
        }
        let [Some((_, without)), Some((kept, with))] = answers else { break };
        conversation.answer(model.text(&without.tokens));
        prefix.turns.push(Turn {
            // Each turn before this one is an exchange.
            rolling: at > plan.context_limit as usize,
            n_prompt: prompt.len(),
            kept,
            with_ms: ms(with.ttft_ns),
            without_ms: ms(without.ttft_ns),
            same: with.tokens == without.tokens,
        });
        done.fetch_add(1, Ordering::Relaxed);
        keep(&prefix)?;
    }
    Ok(prefix)
}

impl Prefix {
    /// What is saved while the conversation grows, the first turn left out, or while it rolls; `None` without such turns.
    pub(super) fn saved(&self, rolling: bool) -> Option<Saved> {
        let turns: Vec<&Turn> = self.of(rolling).collect();
        let column = |read: fn(&Turn) -> f64| turns.iter().map(|turn| read(turn)).collect::<Vec<_>>();
        let ratio = paired_ratio(&column(|turn| turn.with_ms), &column(|turn| turn.without_ms))?;
        let tokens: usize = turns.iter().map(|turn| turn.n_prompt).sum();
        let kept: usize = turns.iter().map(|turn| turn.kept).sum();
        Some(Saved { ratio, kept: kept as f64 / tokens.max(1) as f64 })
    }

    /// Turns with the same tokens in both ways, and all turns.
    pub(super) fn same(&self) -> (usize, usize) {
        (self.turns.iter().filter(|turn| turn.same).count(), self.turns.len())
    }

    fn of(&self, rolling: bool) -> impl Iterator<Item = &Turn> {
        // The first turn has nothing to build on.
        self.turns.iter().skip(1).filter(move |turn| turn.rolling == rolling)
    }
}

/// The cases: the conversation while it grows, and while it rolls.
pub(super) fn cases(prefix: &Prefix) -> Vec<Case> {
    let cases = [("growing", false), ("rolling", true)].map(|(name, rolling)| case(prefix, name, rolling));
    let mut cases: Vec<Case> = cases.into_iter().flatten().collect();
    if let Some(case) = cases.first_mut() {
        timeline(prefix).keep(case);
    }
    cases
}

fn case(prefix: &Prefix, name: &str, rolling: bool) -> Option<Case> {
    let saved = prefix.saved(rolling)?;
    let turns: Vec<&Turn> = prefix.of(rolling).collect();
    let n = turns.len() as u64;
    let column = |read: fn(&Turn) -> f64| turns.iter().map(|turn| read(turn)).collect::<Vec<_>>();
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let same = turns.iter().filter(|turn| turn.same).count();
    let change = if saved.has_kept() {
        Metric {
            ci_low: saved.ratio.interval.map(|interval| percent(interval.0)),
            ci_high: saved.ratio.interval.map(|interval| percent(interval.1)),
            ..Metric::plain("change", "%", percent(saved.ratio.ratio), n, Direction::Lower)
        }
    } else {
        Metric::absent("change", "%", n, Direction::Lower, MetricStatus::Unsupported)
    };
    let nothing_kept =
        (!saved.has_kept()).then(|| "No token of a prompt could be kept: there is no change to speak of.".to_owned());
    Some(Case {
        path: format!("prefix/{name}"),
        state: if prefix.interrupted { CaseState::Interrupted } else { CaseState::Ok },
        reason: prefix.interrupted.then(|| format!("interrupted after {}", counted(prefix.turns.len(), "turn"))),
        duration_s: turns.iter().map(|turn| (turn.with_ms + turn.without_ms) / 1e3).sum(),
        conditions: json!({ "turns": n, "same_tokens": same }),
        notes: (same < turns.len())
            .then(|| {
                "Not every reply is the same with and without: batches of other sizes round differently, and where two tokens are \
                 as likely, that decides."
                    .to_owned()
            })
            .into_iter()
            .chain(nothing_kept)
            .collect(),
        metrics: vec![
            average("ttft_without", "ms", &column(|turn| turn.without_ms), Direction::Lower),
            average("ttft_with", "ms", &column(|turn| turn.with_ms), Direction::Lower),
            change,
            Metric::plain("kept", "%", 100.0 * saved.kept, n, Direction::Higher),
            Metric::plain("same_tokens", "count", same as f64, n, Direction::Higher),
        ],
        histograms: Vec::new(),
    })
}

fn timeline(prefix: &Prefix) -> Timeline {
    let series = |name: &str, unit: &str, read: fn(&Turn) -> f64| Series {
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
