//! Findings about the turns.

use super::super::setup::AppliedSource;
use super::super::study::StopReason;
use super::change::PairedChange;
use super::compared::{ComparedFigure, TurnScope, compare};
use super::costs::{costs, percent};
use super::ended;
use super::held;
use super::samples::{PipelineSamples, TurnSamples};
use crate::measure::{ReactionTiming, Turn};
use crate::plan::{CompanionSettings, LACKING, PipelinePlan, PipelineSide};
use crate::stats::mean_of;

/// The findings that lead the report.
pub(super) fn findings(plan: &PipelinePlan, data: &PipelineSamples, end: StopReason) -> Vec<String> {
    let compared = compare(&data.turns);
    let sides = || data.turns.iter().filter_map(|(side, samples)| Some((side, plan.arm(side)?, samples)));
    let mut findings: Vec<String> =
        sides().filter_map(|(side, arm, samples)| noticeable(&title(arm, side), samples, data.seen)).collect();
    findings.extend(sides().filter_map(|(side, arm, samples)| held::sentence(&title(arm, side), arm, &samples.turns)));
    findings.extend(sides().filter_map(|(side, arm, samples)| ended::sentence(&title(arm, side), &samples.turns)));
    findings.extend(plan.arm(PipelineSide::After).and_then(unobeyed));
    findings.extend(placed(&compared));
    findings.extend(compared.iter().find_map(late_frames));
    findings.extend(data.turns.of(PipelineSide::Before).and_then(|samples| early(plan, samples)));
    findings.extend(costs(&data.cells));
    if data.is_contention_skipped {
        findings.push(
            "Contention was not measured: the bridge failed in the turns and did not answer on a new connection."
                .into(),
        );
    }
    if !end.cuts_off() {
        findings.extend(spent(plan, data));
    }
    findings
}

/// `Before (app)`.
fn title(arm: &CompanionSettings, side: PipelineSide) -> String {
    let side = match side {
        PipelineSide::Before => "Before",
        PipelineSide::After => "After",
    };
    format!("{side} ({})", arm.name)
}

/// What a user notices with these settings, and where the time goes.
fn noticeable(title: &str, samples: &TurnSamples, seen: Option<AppliedSource>) -> Option<String> {
    let mean = |of: fn(&Turn) -> Option<u64>| {
        let values: Vec<f64> = samples.turns.iter().filter_map(of).map(|ns| ns as f64 / 1e6).collect();
        mean_of(&values).map(|mean| mean.value)
    };
    let (first, last, n) = (mean(Turn::ttft_ns)?, mean(Turn::ttlt_ns)?, samples.turns.len());
    let tokens = format!("the first token comes after {first:.0} ms, the last after {last:.0} ms (means, n {n})");
    let Some(visible) = mean(Turn::visible_ns) else {
        let shows = seen.and_then(AppliedSource::frame_ms).map_or_else(
            || "; when the face shows it is unknown, since no frame could be measured".to_owned(),
            |frame_ms| {
                format!(
                    ", and the face shows it within one frame ({frame_ms:.1} ms) after that, {:.1} ms later on \
                     average; this bridge does not report when",
                    frame_ms / 2.0
                )
            },
        );
        let told = mean(Turn::notified_ns)?;
        return Some(format!("{title}: the bridge has the expression after {told:.0} ms{shows}; {tokens}."));
    };
    let reaction = mean(Turn::reaction_ns)?;
    Some(format!(
        "{title}: the face changes after {visible:.0} ms, of which {reaction:.1} ms ({:.1} %) are the reaction itself; \
         {tokens}.",
        100.0 * reaction / visible
    ))
}

/// Late frames of the load in the turns of each side.
fn late_frames(one: &ComparedFigure) -> Option<String> {
    let PairedChange::Difference(change) = one.change else { return None };
    let interval = change.interval.map_or_else(
        || " (too few pairs for an interval)".to_owned(),
        |(low, high)| format!(" [{low:+.1}, {high:+.1}]"),
    );
    Some(format!(
        "Late frames of the render-like load: {:.1} % during the turns before, {:.1} % during those after ({:+.1} \
         percentage points{interval}, n {}: {}).",
        one.before,
        one.after,
        change.difference,
        change.n,
        one.verdict.word()
    ))
}

/// Settings of the after side that the application does not obey, and what brings them about.
fn unobeyed(arm: &CompanionSettings) -> Option<String> {
    let (lacking, launched): (Vec<&str>, Vec<&str>) =
        arm.not_obeyed.iter().copied().partition(|key| LACKING.contains(key));
    let lacking_words = format!(
        "{} {} a change to the application: after ({}) shows what a changed one could do.",
        listed(&lacking),
        if lacking.len() == 1 { "needs" } else { "need" },
        arm.name
    );
    let unread = format!("No published version of Workly reads {}", listed(&arm.not_obeyed));
    match (launched.is_empty(), lacking.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("{unread}: workly-perf launch starts it with after ({}).", arm.name)),
        (true, false) => Some(format!("{unread}. {lacking_words}")),
        (false, false) => {
            Some(format!("{unread}. workly-perf launch starts it with {}. {lacking_words}", listed(&launched)))
        }
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What the budget omitted: `3 of 9 turns`.
pub(super) fn left_out(plan: &PipelinePlan, data: &PipelineSamples) -> Vec<String> {
    let least = |of: fn(&TurnSamples) -> usize| data.turns.iter().map(|(_, samples)| of(samples)).min().unwrap_or(0);
    let rounds = data.cells.values().map(Vec::len).min().unwrap_or(0);
    let planned_rounds = if data.is_contention_skipped { 0 } else { plan.contention_rounds };
    [
        (least(|samples| samples.first.len()), plan.first_turns, "first turns"),
        (least(|samples| samples.turns.len()), plan.turns, "turns"),
        (rounds, planned_rounds, "rounds of contention"),
    ]
    .into_iter()
    .filter(|(done, planned, _)| *done < *planned as usize)
    .map(|(done, planned, what)| format!("{done} of {planned} {what}"))
    .collect()
}

fn spent(plan: &PipelinePlan, data: &PipelineSamples) -> Option<String> {
    let short = left_out(plan, data);
    (!short.is_empty()).then(|| {
        format!(
            "The budget of {} s, of which each part has a share, sufficed for {}. A longer --budget measures all of them.",
            plan.budget_s,
            short.join(", ")
        )
    })
}

/// Stages that changed, as the cause of a change of the whole.
fn placed(compared: &[ComparedFigure]) -> Option<String> {
    if compared.is_empty() {
        return None;
    }
    let changed = compared.iter().filter(|one| one.scope == TurnScope::Stage && one.verdict.is_change());
    let changed: Vec<String> = changed
        .filter_map(|one| {
            let PairedChange::Ratio(ratio) = &one.change else { return None };
            Some(format!("{} ({}, {})", one.meaning, percent(ratio), one.verdict.word()))
        })
        .collect();
    Some(if changed.is_empty() {
        "No stage of the turn changed significantly by 5 % or more.".into()
    } else {
        format!("The stages that changed: {}.", changed.join("; "))
    })
}

/// Estimated gain of reacting after the first words, if that is not done: the time between them and the end.
fn early(plan: &PipelinePlan, samples: &TurnSamples) -> Option<String> {
    let arm = plan.arm(PipelineSide::Before).filter(|arm| arm.react == ReactionTiming::End)?;
    let words = (plan.first_words as usize).clamp(1, plan.reply_tokens as usize);
    let waits: Vec<f64> = samples
        .turns
        .iter()
        .filter_map(|turn| Some((turn.tokens_ns.last()? - turn.tokens_ns.get(words - 1)?) as f64 / 1e6))
        .collect();
    let mean = mean_of(&waits)?;
    Some(format!(
        "With {}, {:.0} ms pass between the first {words} tokens and the end of the reply (n {}): the most that \
         reacting at the first words can gain.",
        arm.name,
        mean.value,
        waits.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::super::planted::{STAGES_US, cell_sample, plan, reacting_turn, samples_of, turn};
    use super::*;
    use crate::stats::FrameCounts;

    fn planted(before: TurnSamples, after: Option<TurnSamples>) -> PipelineSamples {
        let mut data = PipelineSamples::default();
        *data.turns.of_mut(PipelineSide::Before) = before;
        if let Some(after) = after {
            *data.turns.of_mut(PipelineSide::After) = after;
        }
        data
    }

    fn turns(n: u64, stages_us: &[u64; 6]) -> TurnSamples {
        samples_of((0..n).map(|number| turn(number, stages_us)).collect())
    }

    #[test]
    fn planted_turns_give_the_expected_findings() {
        let plan = plan("--turns 2 --first-words 1 --after none --no-contention");
        let mut data = planted(turns(2, &STAGES_US), None);
        data.turns.of_mut(PipelineSide::Before).first = vec![turn(0, &STAGES_US), turn(1, &STAGES_US)];
        let says = findings(&plan, &data, StopReason::Planned);
        assert_eq!(
            says,
            [
                "Before (app): the face changes after 530 ms, of which 80.0 ms (15.1 %) are the reaction itself; the \
                 first token comes after 150 ms, the last after 450 ms (means, n 2).",
                "With app, 300 ms pass between the first 1 tokens and the end of the reply (n 2): the most that \
                 reacting at the first words can gain.",
            ]
        );
    }

    #[test]
    fn changed_stage_is_named_with_its_change() {
        let plan = plan("--turns 12 --after app --no-contention");
        let slower = [400, 150_000, 345_000, 50, 20_000, 60_000];
        let says = findings(&plan, &planted(turns(12, &STAGES_US), Some(turns(12, &slower))), StopReason::Planned);
        let changed = "The stages that changed: replying until the reaction (+15.0 % [+15.0, +15.0], worse).";
        assert!(says.iter().any(|sentence| sentence == changed), "{says:?}");
        let same = findings(&plan, &planted(turns(12, &STAGES_US), Some(turns(12, &STAGES_US))), StopReason::Planned);
        let none = "No stage of the turn changed significantly by 5 % or more.";
        assert!(same.iter().any(|sentence| sentence == none), "{same:?}");
    }

    #[test]
    fn what_launch_brings_about_is_told_from_what_needs_another_application() {
        let after = |changes: &str| {
            let plan = plan(&format!("--turns 2 --after app{changes} --no-contention"));
            plan.arm(PipelineSide::After).and_then(unobeyed)
        };
        assert_eq!(after(",n_gpu_layers=35,n_ctx=2048,n_batch=256"), None, "the profile balanced");
        assert_eq!(
            after(",n_threads=1,priority=low").unwrap(),
            "No published version of Workly reads n_threads and priority: workly-perf launch starts it with after \
             (app,n_threads=1,priority=low)."
        );
        assert_eq!(
            after(",n_threads=1,warm_start=true,react=first-words").unwrap(),
            "No published version of Workly reads n_threads, warm_start and react. workly-perf launch starts it with \
             n_threads. warm_start and react need a change to the application: after \
             (app,n_threads=1,warm_start=true,react=first-words) shows what a changed one could do."
        );
        let react = after(",react=first-words").unwrap();
        assert!(react.contains("reads react. react needs a change to the application"), "{react}");
    }

    #[test]
    fn late_frames_are_stated_with_a_load() {
        let plan = plan("--turns 12 --after app --no-contention");
        let with_late = |late: u64| {
            let mut samples = turns(12, &STAGES_US);
            samples.frames = vec![FrameCounts::apart(100, late); 12];
            samples
        };
        let says = findings(&plan, &planted(with_late(12), Some(with_late(1))), StopReason::Planned);
        let late = "Late frames of the render-like load: 12.0 % during the turns before, 1.0 % during those after \
            (-11.0 percentage points [-11.0, -11.0], n 12: improved).";
        assert!(says.iter().any(|sentence| sentence == late), "{says:?}");
        let without =
            findings(&plan, &planted(turns(12, &STAGES_US), Some(turns(12, &STAGES_US))), StopReason::Planned);
        assert!(!without.iter().any(|sentence| sentence.starts_with("Late frames")), "{without:?}");
    }

    #[test]
    fn held_replies_are_distinguished_from_late_commands() {
        let plan = plan("--turns 10 --before app,reaction=pipelined --after none --no-contention");
        let held = samples_of((0..10).map(|number| reacting_turn(number, number < 4)).collect());
        let says = findings(&plan, &planted(held, None), StopReason::Planned);
        let named = "Before (app,reaction=pipelined): in 40 % of its reactions (n 10) a reply was late although the \
            command was not";
        assert!(says.iter().any(|sentence| sentence.starts_with(named)), "{says:?}");
    }

    #[test]
    fn omissions_by_the_budget_are_stated_unless_interrupted() {
        let plan = plan("--turns 9 --budget 1ms --after none");
        let mut data = planted(turns(1, &STAGES_US), None);
        data.turns.of_mut(PipelineSide::Before).first = vec![turn(0, &STAGES_US)];
        let spent = "The budget of 0.001 s, of which each part has a share, sufficed for 1 of 9 first turns, 1 of 9 turns, 0 of 6 \
            rounds of contention. A longer --budget measures all of them.";
        assert_eq!(findings(&plan, &data, StopReason::Budget).last().unwrap(), spent);
        for end in [StopReason::Interrupted, StopReason::Failed] {
            assert!(!findings(&plan, &data, end).iter().any(|sentence| sentence.starts_with("The budget")));
        }
    }

    #[test]
    fn failed_bridge_is_not_blamed_on_the_budget() {
        let plan = plan("--turns 1 --after none");
        let mut data = planted(turns(1, &STAGES_US), None);
        data.turns.of_mut(PipelineSide::Before).first = vec![turn(0, &STAGES_US)];
        data.is_contention_skipped = true;
        let says = findings(&plan, &data, StopReason::Planned);
        assert!(says.last().unwrap().starts_with("Contention was not measured: the bridge failed"), "{says:?}");
        assert_eq!(left_out(&plan, &data), Vec::<String>::new());
    }

    #[test]
    fn rounds_of_every_cell_are_compared_with_the_plan() {
        use super::super::contention::ContentionCell;
        let plan = plan("--turns 1 --after none");
        let mut data = planted(turns(1, &STAGES_US), None);
        data.turns.of_mut(PipelineSide::Before).first = vec![turn(0, &STAGES_US)];
        let cell = |render| ContentionCell { render, model: true, bridge: false };
        data.cells.insert(cell(false), (0..6).map(|_| cell_sample(10.0, 5)).collect());
        data.cells.insert(cell(true), (0..4).map(|_| cell_sample(10.0, 5)).collect());
        assert_eq!(left_out(&plan, &data), ["4 of 6 rounds of contention"]);
    }
}
