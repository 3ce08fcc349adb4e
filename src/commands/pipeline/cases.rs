//! From turns to the cases of the record.

use std::time::Duration;

use serde_json::{Value, json};

use super::card::CardNeed;
use super::growth;
use super::turns::All;
use crate::clock::ms;
use crate::measure::{Stage, Turn, late_frames, turn_metrics};
use crate::plan::{PipelinePlan, Side};
use crate::plural::counted;
use crate::record::{Case, CaseState, HlogPart, MetricStatus, RecordError};
use crate::stats::histogram_of;
use crate::studies::Recorder;
use crate::studies::setup::Seen;

/// The cases so far: first turns and conversation of each side.
pub(super) fn cases(
    plan: &PipelinePlan,
    all: &All,
    (cards, seen): (&[CardNeed], Option<Seen>),
    interrupted: bool,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for (side, taken) in all {
        let mut conversation = case(plan, *side, "turns", &taken.turns, plan.turns, interrupted);
        if plan.render.is_some() {
            conversation.metrics.push(late_frames(taken.frames));
        }
        conversation.metrics.push(growth::metric(&taken.grown_bytes, plan.full_after()));
        if let Some(card) = plan.place(*side).and_then(|at| cards.get(at)) {
            conversation.metrics.push(card.metric());
            conversation.conditions["card"] = card.conditions();
        }
        cases.push(conversation);
        let mut first = case(plan, *side, "first-turn", &taken.first, plan.first_turns, interrupted);
        first.conditions["warm_up_ms"] = json!(taken.warm_up_ns.iter().map(|ns| ms(*ns)).collect::<Vec<_>>());
        cases.push(first);
    }
    cases.retain(|case| !case.metrics.is_empty());
    let is_alone = |case: &Case| case.conditions["settings"]["reaction"] == "expression";
    if let Some(seen) = seen {
        for case in cases.iter_mut().filter(|case| is_alone(case)) {
            case.conditions["applied_by"] = seen.conditions();
            case.notes.push(seen.note());
        }
    }
    cases
}

fn case(plan: &PipelinePlan, side: Side, name: &str, turns: &[Turn], planned: u32, interrupted: bool) -> Case {
    let failed: Vec<&String> = turns.iter().filter_map(|turn| turn.reaction.as_ref().err()).collect();
    let (state, reason) = match failed.first() {
        _ if interrupted && turns.len() < planned as usize => {
            (CaseState::Interrupted, Some(format!("interrupted after {} of {}", turns.len(), counted(planned, "turn"))))
        }
        Some(why) => {
            (CaseState::Lossy, Some(format!("{} of {} failed: {why}", failed.len(), counted(turns.len(), "reaction"))))
        }
        None => (CaseState::Ok, None),
    };
    let mut metrics = if turns.is_empty() { Vec::new() } else { turn_metrics(turns) };
    if state != CaseState::Ok {
        for metric in metrics.iter_mut().filter(|metric| metric.status == MetricStatus::Ok) {
            metric.status = MetricStatus::Partial;
        }
    }
    Case {
        path: format!("{}/{name}", side.word()),
        state,
        reason,
        duration_s: turns.iter().map(|turn| ms(end_ns(turn) - turn.asked_ns) / 1e3).sum(),
        conditions: json!({
            "settings": plan.arm(side),
            "waterfalls": turns.iter().map(waterfall).collect::<Vec<_>>(),
        }),
        notes: notes(plan, side, turns),
        metrics,
        histograms: Vec::new(),
    }
}

/// A time that a person feels: the name of its histogram, and how it is read off a turn.
type Total = (&'static str, fn(&Turn) -> Option<u64>);

/// All of them.
const TOTALS: [Total; 3] = [("ttft", Turn::ttft_ns), ("visible", Turn::visible_ns), ("ttlt", Turn::ttlt_ns)];

/// Writes the histograms of the conversations: first token, visible reaction, last token.
pub(super) fn write_histograms(recorder: &mut Recorder, all: &All) -> Result<(), RecordError> {
    for (side, taken) in all {
        let path = format!("{}/turns", side.word());
        let Some(at) = recorder.run.cases.iter().position(|case| case.path == path) else { continue };
        let began = taken.turns.first().map_or(0, |turn| turn.asked_ns);
        let ended = taken.turns.last().map_or(0, end_ns);
        let (start, duration) = (Duration::from_nanos(began), Duration::from_nanos(ended.saturating_sub(began)));
        let mut files = Vec::new();
        for (quantity, of) in TOTALS {
            let samples_ns: Vec<u64> = taken.turns.iter().filter_map(of).collect();
            if !samples_ns.is_empty() {
                let histogram = histogram_of(&samples_ns);
                let parts = [HlogPart { tag: None, histogram: &histogram, start, duration }];
                files.push(recorder.histograms(&recorder.run.cases[at], quantity, &parts)?);
            }
        }
        recorder.run.cases[at].histograms = files;
    }
    Ok(())
}

fn end_ns(turn: &Turn) -> u64 {
    let applied = turn.reaction.as_ref().ok().and_then(|times| times.applied_ns);
    let last = turn.tokens_ns.last().copied().unwrap_or(turn.prompted_ns);
    applied.map_or(last, |applied| applied.max(last))
}

/// One turn, in milliseconds: its stages in order, and what it was about. What was said stays out of the record.
fn waterfall(turn: &Turn) -> Value {
    let stages: serde_json::Map<String, Value> =
        Stage::ALL.iter().map(|stage| (stage.word().into(), json!(turn.stage_ns(*stage).map(ms)))).collect();
    json!({
        "stages_ms": stages,
        "ttft_ms": turn.ttft_ns().map(ms),
        "visible_ms": turn.visible_ns().map(ms),
        "told_ms": turn.told_ns().map(ms),
        "visible_latest_ms": turn.visible_latest_ns().map(ms),
        "ttlt_ms": turn.ttlt_ns().map(ms),
        "prompt_tokens": turn.prompt_tokens,
        "reply_tokens": turn.tokens_ns.len(),
        "template": turn.template,
        "expression": turn.expression,
        "expression_by": if turn.by_word { "word" } else { "turn" },
        "bridge": turn.reaction.as_ref().err(),
    })
}

fn notes(plan: &PipelinePlan, side: Side, turns: &[Turn]) -> Vec<String> {
    let Some(arm) = plan.arm(side) else { return Vec::new() };
    let mut notes = vec![format!(
        "{} ({}): {} and {}, {} on the GPU, context {}, batch {} and {}, flash attention {}, KV cache {}, {}, reaction {} at {}.",
        arm.name,
        arm.source,
        arm.n_threads,
        counted(arm.n_threads_batch, "thread"),
        if arm.n_gpu_layers < 0 { "all layers".into() } else { counted(arm.n_gpu_layers, "layer") },
        arm.n_ctx,
        arm.n_batch,
        arm.n_ubatch,
        arm.flash_attn,
        arm.kv_type,
        if arm.warm_start { "warm start" } else { "cold start" },
        arm.reaction,
        if arm.react == crate::measure::Moment::End { "the end of the reply" } else { "its first words" },
    )];
    if turns.iter().all(|turn| !turn.by_word) && !turns.is_empty() {
        notes.push("No word of the replies spoke for an emotion: the expressions went round in turn.".into());
    }
    notes
}
