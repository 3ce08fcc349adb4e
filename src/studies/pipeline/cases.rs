//! From turns to the cases of the record.

use serde_json::json;

use super::super::setup::AppliedSource;
use super::super::study::{CaseHistogram, StopReason};
use super::compared::{self, compare};
use super::contention;
use super::ended;
use super::gpu_memory_need::GpuMemoryNeed;
use super::growth;
use super::held;
use super::rows::{remarks, rows};
use super::samples::{PipelineSamples, TurnSamples};
use crate::clock::ms;
use crate::measure::{Delivery, ReactionTiming, Turn, late_frames, turn_metrics};
use crate::plan::{CompanionSettings, PipelinePlan, PipelineSide};
use crate::plural::counted;
use crate::record::{Case, CaseState, Metric, TurnStage, Waterfall};

/// The cases so far: turns of each side, the comparison, the contention. Nothing is compared during the run, which
/// would take time between turns.
pub(super) fn cases(
    plan: &PipelinePlan,
    cards: &[GpuMemoryNeed],
    data: &PipelineSamples,
    end: Option<StopReason>,
) -> Vec<Case> {
    let mut cases = Vec::new();
    for (side, samples) in data.turns.iter() {
        let Some(arm) = plan.arm(side) else { continue };
        let card = plan.place(side).and_then(|at| cards.get(at));
        let context = SideContext { plan, side, arm, seen: data.seen, end };
        cases.extend(context.conversation(samples, card));
        cases.extend(context.first_turns(samples));
    }
    if end.is_some() {
        let compared = compare(&data.turns);
        let rows = rows(plan, &data.turns, &compared, cards);
        let done = data.turns.iter().map(|(_, samples)| samples.turns.len()).min().unwrap_or(0);
        let cut_off = cut_off(end, done, plan.turns, "turn");
        cases.extend(compared::case(&compared, &rows, remarks(&compared, cards), cut_off));
    }
    cases.extend(contention::cases(&data.cells, plan.contention_rounds, end));
    cases
}

/// The path of a side's case.
pub(super) fn path(side: PipelineSide, name: &str) -> String {
    format!("{}/{name}", side.word())
}

/// Why a case lacks samples, if an interruption or an error cut it off.
pub(super) fn cut_off(end: Option<StopReason>, done: usize, planned: u32, unit: &str) -> Option<String> {
    let by = match end {
        Some(StopReason::Interrupted) => "interrupted",
        Some(StopReason::Failed) => "ended by an error",
        _ => return None,
    };
    (done < planned as usize).then(|| format!("{by} after {done} of {}", counted(planned, unit)))
}

/// Shared data for the cases of one side.
#[derive(Clone, Copy)]
struct SideContext<'a> {
    plan: &'a PipelinePlan,
    side: PipelineSide,
    arm: &'a CompanionSettings,
    seen: Option<AppliedSource>,
    end: Option<StopReason>,
}

impl SideContext<'_> {
    fn conversation(self, samples: &TurnSamples, card: Option<&GpuMemoryNeed>) -> Option<Case> {
        let mut more = Vec::new();
        if self.plan.render.is_some() {
            more.push(late_frames(samples.frames.iter().copied().sum()));
        }
        more.push(growth::metric(&samples.grown_bytes, self.plan.full_after()));
        more.extend(held::metric(self.arm, &samples.turns));
        more.extend(ended::metrics(&samples.turns));
        let mut case = self.case("turns", &samples.turns, self.plan.turns, more)?;
        if let Some(card) = card {
            // Projected or read once, independent of the number of turns.
            case.metrics.push(card.metric());
            case.conditions["card"] = card.conditions();
        }
        Some(self.with_teller(case))
    }

    fn first_turns(self, samples: &TurnSamples) -> Option<Case> {
        let mut case = self.case("first-turn", &samples.first, self.plan.first_turns, Vec::new())?;
        case.conditions["warm_up_ms"] = json!(samples.warm_up_ns.iter().map(|ns| ms(*ns)).collect::<Vec<_>>());
        Some(self.with_teller(case))
    }

    /// Adds how it is known when the expression was applied, if its reply is not awaited.
    fn with_teller(self, mut case: Case) -> Case {
        if let Some(seen) = self.seen.filter(|_| self.arm.reaction == Delivery::Expression) {
            case.conditions["applied_by"] = seen.conditions();
            case.notes.push(seen.note());
        }
        case
    }

    fn case(self, name: &str, turns: &[Turn], planned: u32, more: Vec<Metric>) -> Option<Case> {
        if turns.is_empty() {
            return None;
        }
        let mut case = Case {
            path: path(self.side, name),
            state: CaseState::Ok,
            reason: None,
            duration_s: turns.iter().map(|turn| ms(end_ns(turn) - turn.asked_ns) / 1e3).sum(),
            conditions: json!({ "settings": self.arm }),
            notes: notes(self.arm, turns),
            metrics: turn_metrics(turns).into_iter().chain(more).collect(),
            histograms: Vec::new(),
        };
        Waterfall::keep(&turns.iter().map(waterfall).collect::<Vec<_>>(), &mut case);
        if let Some(reason) = cut_off(self.end, turns.len(), planned, "turn") {
            return Some(case.cut_off(reason));
        }
        let faults: Vec<&str> =
            turns.iter().filter_map(|turn| Some(turn.reaction.as_ref().err()?.reason.as_str())).collect();
        let Some(first) = faults.first() else { return Some(case) };
        let reason = format!("{} of {} failed: {first}", faults.len(), counted(turns.len(), "reaction"));
        Some(Case { state: CaseState::Lossy, reason: Some(reason), ..case.partial() })
    }
}

/// A total that users notice.
struct NoticeableTotal {
    /// Name of its histogram.
    quantity: &'static str,
    of: fn(&Turn) -> Option<u64>,
}

const TOTALS: [NoticeableTotal; 3] = [
    NoticeableTotal { quantity: "ttft", of: Turn::ttft_ns },
    NoticeableTotal { quantity: "visible", of: Turn::visible_ns },
    NoticeableTotal { quantity: "ttlt", of: Turn::ttlt_ns },
];

/// Histograms of the conversations: first token, visible reaction, last token.
pub(super) fn histograms(data: &PipelineSamples) -> Vec<CaseHistogram> {
    let of_side = |(side, samples): (PipelineSide, &TurnSamples)| {
        let began_ns = samples.turns.first().map_or(0, |turn| turn.asked_ns);
        let ended_ns = samples.turns.last().map_or(0, end_ns);
        TOTALS.map(|total| {
            let samples_ns = samples.turns.iter().filter_map(total.of).collect();
            CaseHistogram::total(path(side, "turns"), total.quantity, samples_ns, (began_ns, ended_ns))
        })
    };
    data.turns.iter().flat_map(of_side).collect()
}

fn end_ns(turn: &Turn) -> u64 {
    let applied = turn.reaction.as_ref().ok().and_then(|times| times.applied_ns);
    let last = turn.tokens_ns.last().copied().unwrap_or(turn.prompted_ns);
    applied.map_or(last, |applied| applied.max(last))
}

fn waterfall(turn: &Turn) -> Waterfall {
    Waterfall {
        stages_ms: TurnStage::ALL.map(|stage| (stage, turn.stage_ns(stage).map(ms))).into(),
        ttft_ms: turn.ttft_ns().map(ms),
        visible_ms: turn.visible_ns().map(ms),
        told_ms: turn.notified_ns().map(ms),
        visible_latest_ms: turn.visible_latest_ns().map(ms),
        ttlt_ms: turn.ttlt_ns().map(ms),
        prompt_tokens: turn.prompt_tokens,
        reply_tokens: turn.tokens_ns.len(),
        ends_after: turn.end.after(),
        template: turn.template.into(),
        expression: turn.expression.clone(),
        expression_by: if turn.by_word { "word" } else { "turn" }.into(),
        bridge: turn.reaction.as_ref().err().map(|fault| fault.reason.clone()),
    }
}

fn notes(arm: &CompanionSettings, turns: &[Turn]) -> Vec<String> {
    let mut notes = vec![format!(
        "{} ({}): {} and {}, {} on the GPU, context {}, batch {} and {}, flash attention {}, KV cache {}, weights {}, priority {}, \
         {}, reaction {} at {}.",
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
        if arm.use_mlock { "locked" } else { "not locked" },
        arm.priority.name(),
        if arm.warm_start { "warm start" } else { "cold start" },
        arm.reaction,
        if arm.react == ReactionTiming::End { "the end of the reply" } else { "its first words" },
    )];
    if turns.iter().all(|turn| !turn.by_word) {
        notes.push("No word in the replies maps to an emotion, so the expressions were used in rotation.".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::planted::{STAGES_US, failed_turn, plan, reacting_turn, samples_of, turn};
    use super::*;
    use crate::record::MetricStatus;
    use crate::stats::FrameCounts;

    fn measured(plan: &PipelinePlan, samples: TurnSamples, end: Option<StopReason>) -> Vec<Case> {
        let mut data = PipelineSamples::default();
        *data.turns.of_mut(PipelineSide::Before) = samples;
        cases(plan, &[], &data, end)
    }

    #[test]
    fn figures_of_planted_turns_are_exact() {
        let plan = plan("--turns 2 --after none");
        let mut samples = samples_of(vec![turn(0, &STAGES_US), turn(1, &STAGES_US)]);
        samples.frames = [(60, 3), (140, 7)].map(|(total, late)| FrameCounts::apart(total, late)).into();
        let found = measured(&plan, samples, Some(StopReason::Planned));
        let paths: Vec<&str> = found.iter().map(|case| case.path.as_str()).collect();
        assert_eq!((paths, found[0].state), (vec!["before/turns"], CaseState::Ok));
        let value = |name: &str| found[0].metric(name).and_then(|metric| metric.value).unwrap();
        // 0.4 + 150 + 300 + 0.05 + 20 + 60 ms.
        assert!((value("visible") - 530.45).abs() < 1e-9 && (value("ttft") - 150.4).abs() < 1e-9);
        assert!((value("received") - 20.0).abs() < 1e-9 && (value("applied") - 60.0).abs() < 1e-9);
        let late = found[0].metric("frames_late").unwrap();
        assert_eq!((late.value, late.n), (Some(5.0), 200));
        let turns = Waterfall::of(&found[0]).unwrap();
        assert_eq!((turns.len(), turns[1].stage_ms(TurnStage::Reply)), (2, Some(300.0)));
        assert!((turns[1].whole_ms().unwrap() - turns[1].visible_ms.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn failed_reaction_makes_the_case_lossy_and_figures_partial() {
        let plan = plan("--turns 2 --after none");
        let found = measured(&plan, samples_of(vec![turn(0, &STAGES_US), failed_turn(1)]), Some(StopReason::Planned));
        assert_eq!(found[0].state, CaseState::Lossy);
        assert_eq!(found[0].reason.as_deref(), Some("1 of 2 reactions failed: no reply within 300ms"));
        let of = |name: &str| found[0].metric(name).map(|metric| (metric.n, metric.status)).unwrap();
        assert_eq!((of("ttlt"), of("visible")), ((2, MetricStatus::Partial), (1, MetricStatus::Partial)));
        assert_eq!(Waterfall::of(&found[0]).unwrap()[1].bridge.as_deref(), Some("no reply within 300ms"));
    }

    #[test]
    fn only_cases_with_missing_turns_are_cut_off() {
        let plan = plan("--turns 3 --after none");
        for (end, reason) in [
            (StopReason::Interrupted, "interrupted after 1 of 3 turns"),
            (StopReason::Failed, "ended by an error after 1 of 3 turns"),
        ] {
            let mut samples = samples_of(vec![turn(0, &STAGES_US)]);
            samples.first = (0..3).map(|number| turn(number, &STAGES_US)).collect();
            let found = measured(&plan, samples, Some(end));
            assert_eq!((found[0].state, found[0].reason.as_deref()), (CaseState::Interrupted, Some(reason)));
            assert_eq!(found[0].metric("ttft").unwrap().status, MetricStatus::Partial);
            assert_eq!((found[1].path.as_str(), found[1].state), ("before/first-turn", CaseState::Ok));
        }
        for end in [Some(StopReason::Budget), None] {
            assert_eq!(measured(&plan, samples_of(vec![turn(0, &STAGES_US)]), end)[0].state, CaseState::Ok);
        }
    }

    #[test]
    fn held_replies_are_a_metric_of_their_case() {
        let plan = plan("--turns 10 --before app,reaction=pipelined --after none");
        let turns = (0..10).map(|number| reacting_turn(number, number < 4)).collect();
        let found = measured(&plan, samples_of(turns), Some(StopReason::Planned));
        let held = found[0].metric("held_back").unwrap();
        assert_eq!((held.value, held.n), (Some(40.0), 10));
    }

    #[test]
    fn histograms_start_relative_to_the_run() {
        let mut data = PipelineSamples::default();
        *data.turns.of_mut(PipelineSide::Before) = samples_of(vec![turn(1, &STAGES_US), failed_turn(2)]);
        let histograms = histograms(&data);
        let quantities: Vec<_> = histograms.iter().map(|one| (one.quantity, one.parts[0].samples_ns.len())).collect();
        assert_eq!(quantities, [("ttft", 2), ("visible", 1), ("ttlt", 2)]);
        assert_eq!(histograms[0].parts[0].start.as_nanos(), u128::from(data.turns.all().next().unwrap().asked_ns));
        assert!(histograms.iter().all(|one| one.case == "before/turns"));
    }

    #[test]
    fn nothing_is_compared_during_the_run() {
        let plan = plan("--turns 2");
        let mut data = PipelineSamples::default();
        for side in [PipelineSide::Before, PipelineSide::After] {
            *data.turns.of_mut(side) = samples_of(vec![turn(0, &STAGES_US), turn(1, &STAGES_US)]);
        }
        let has_comparison = |end| cases(&plan, &[], &data, end).iter().any(|case| case.path == "after/before");
        assert_eq!((has_comparison(None), has_comparison(Some(StopReason::Planned))), (false, true));
    }
}
