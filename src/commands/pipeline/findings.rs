//! What the turns come to, in words.

use super::compared::{Compared, Verdict};
use super::contention::{Cell, Cells, latencies_ms, speeds};
use super::turns::{All, Taken};
use crate::measure::{CellSample, Moment, Turn};
use crate::plan::{Arm, PipelinePlan, Side};
use crate::plural::counted;
use crate::stats::{PairedRatio, mean_of, paired_ratio};
use crate::studies::setup::Seen;

/// The sentences that lead the report.
pub(super) fn findings(
    plan: &PipelinePlan,
    (all, seen): (&All, Option<Seen>),
    compared: &[Compared],
    cells: &Cells,
    interrupted: bool,
) -> Vec<String> {
    let mut findings: Vec<String> = all.iter().filter_map(|(side, taken)| felt(plan, *side, taken, seen)).collect();
    findings.extend(plan.arm(Side::After).and_then(unobeyed));
    findings.extend(placed(compared));
    findings.extend(all.get(&Side::Before).and_then(|taken| early(plan, taken)));
    findings.extend(costs(cells));
    if !interrupted {
        findings.extend(spent(plan, all, cells));
    }
    findings
}

/// What a person feels with these settings, and where it goes.
fn felt(plan: &PipelinePlan, side: Side, taken: &Taken, seen: Option<Seen>) -> Option<String> {
    let mean = |of: fn(&Turn) -> Option<u64>| {
        let values: Vec<f64> = taken.turns.iter().filter_map(of).map(|ns| ns as f64 / 1e6).collect();
        mean_of(&values).map(|mean| mean.value)
    };
    if mean(Turn::visible_ns).is_none() {
        let shows = seen.and_then(Seen::frame_ms).map_or_else(
            || "; when the face shows cannot be told, since no frame could be measured".to_owned(),
            |frame_ms| {
                format!(
                    ", and the face shows within the frame of {frame_ms:.1} ms after that, {:.1} ms on average; this bridge does not tell \
                     when",
                    frame_ms / 2.0
                )
            },
        );
        return Some(format!(
            "{}: the bridge has the expression after {:.0} ms{shows}. The first token comes after {:.0} ms, the last after {:.0} ms (means, n {}).",
            capitalised(plan.arm(side)?.name.as_str(), side),
            mean(Turn::told_ns)?,
            mean(Turn::ttft_ns)?,
            mean(Turn::ttlt_ns)?,
            taken.turns.len()
        ));
    }
    let (visible, reaction) = (mean(Turn::visible_ns)?, mean(Turn::reaction_ns)?);
    Some(format!(
        "{}: the face shows after {visible:.0} ms, {reaction:.1} ms of which ({:.1} %) are the reaction itself; the first token \
         comes after {:.0} ms, the last after {:.0} ms (means, n {}).",
        capitalised(plan.arm(side)?.name.as_str(), side),
        100.0 * reaction / visible,
        mean(Turn::ttft_ns)?,
        mean(Turn::ttlt_ns)?,
        taken.turns.len()
    ))
}

/// What of the settings after no application can be told.
fn unobeyed(arm: &Arm) -> Option<String> {
    (!arm.not_obeyed.is_empty()).then(|| {
        format!(
            "After ({}) shows what a changed application could do. No published version of Workly can be told {}: gains from these need \
             a change of the application.",
            arm.name,
            listed(&arm.not_obeyed)
        )
    })
}

/// `a`, `a and b`, `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn capitalised(name: &str, side: Side) -> String {
    match side {
        Side::Before => format!("Before ({name})"),
        Side::After => format!("After ({name})"),
    }
}

/// What the budget left out.
fn spent(plan: &PipelinePlan, all: &All, cells: &Cells) -> Option<String> {
    let least = |of: fn(&Taken) -> usize| all.values().map(of).min().unwrap_or(0);
    let rounds = cells.values().map(Vec::len).min().unwrap_or(0);
    let parts = [
        (least(|taken| taken.first.len()), plan.first_turns, "first turns"),
        (least(|taken| taken.turns.len()), plan.turns, "turns"),
        (rounds, plan.contention_rounds, "rounds of contention"),
    ];
    let short: Vec<String> = parts
        .into_iter()
        .filter(|(done, planned, _)| *done < *planned as usize)
        .map(|(done, planned, what)| format!("{done} of {planned} {what}"))
        .collect();
    (!short.is_empty()).then(|| {
        format!(
            "The budget of {} s was spent: {}. A longer --budget takes all of them.",
            plan.budget_s,
            short.join(", ")
        )
    })
}

fn with_unit(value: f64, unit: &str) -> String {
    let digits = usize::from(value < 100.0);
    format!("{value:.digits$} {unit}")
}

fn change(ratio: &PairedRatio) -> String {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    match ratio.interval {
        Some((low, high)) => {
            format!("{:+.1} % [{:+.1}, {:+.1}]", percent(ratio.ratio), percent(low), percent(high))
        }
        None => format!("{:+.1} % (too few pairs for an interval)", percent(ratio.ratio)),
    }
}

/// Which stages moved: where a change of the whole comes from.
fn placed(compared: &[Compared]) -> Option<String> {
    let moved: Vec<String> = compared
        .iter()
        .filter(|one| one.is_stage && matches!(one.verdict, Verdict::Improved | Verdict::Worse))
        .map(|one| format!("{} ({}, {})", one.figure.meaning, change(&one.ratio), one.verdict.word()))
        .collect();
    if compared.is_empty() {
        return None;
    }
    Some(if moved.is_empty() {
        "No stage of the turn changed surely by 5 % or more.".into()
    } else {
        format!("The stages that changed: {}.", moved.join("; "))
    })
}

/// What reacting at the first words would gain where it is not done: what is waited for between them and the end.
fn early(plan: &PipelinePlan, taken: &Taken) -> Option<String> {
    let arm = plan.arm(Side::Before).filter(|arm| arm.react == Moment::End)?;
    let words = (plan.first_words as usize).clamp(1, plan.reply_tokens as usize);
    let waits: Vec<f64> = taken
        .turns
        .iter()
        .filter_map(|turn| Some((turn.tokens_ns.last()? - turn.tokens_ns.get(words - 1)?) as f64 / 1e6))
        .collect();
    let mean = mean_of(&waits)?;
    Some(format!(
        "With {}, the face waits {:.0} ms after the first {words} tokens for the end of the reply (n {}): what reacting at the first \
         words can gain at most.",
        arm.name,
        mean.value,
        waits.len()
    ))
}

/// What model, bridge and render load cost each other.
fn costs(cells: &Cells) -> Vec<String> {
    let cell = |model, bridge, render| cells.get(&Cell { render, model, bridge });
    let speed = |beside, alone, what: &str| {
        let (beside, alone) = (speeds(cell_of(beside)?), speeds(cell_of(alone)?));
        cost(&beside, &alone, "tokens/s", what)
    };
    let delay = |beside, alone, what: &str| {
        let (beside, alone) = (latencies_ms(cell_of(beside)?), latencies_ms(cell_of(alone)?));
        cost(&beside, &alone, "ms", what)
    };
    let (model, bridge) = (cell(true, false, false), cell(false, true, false));
    [
        speed(cell(true, false, true), model, "The render load costs the model: tokens a second"),
        speed(cell(true, true, false), model, "The bridge's commands cost the model: tokens a second"),
        delay(cell(true, true, false), bridge, "The model costs the avatar: a command is applied"),
        delay(cell(false, true, true), bridge, "The render load costs the avatar: a command is applied"),
        delay(cell(true, true, true), bridge, "Both together cost the avatar: a command is applied"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

type Samples<'a> = Option<&'a Vec<CellSample>>;

fn cell_of(samples: Samples<'_>) -> Option<&[CellSample]> {
    samples.map(Vec::as_slice)
}

fn cost(beside: &[f64], alone: &[f64], unit: &str, what: &str) -> Option<String> {
    let (with, without) = (mean_of(beside)?.value, mean_of(alone)?.value);
    let ratio = paired_ratio(beside, alone)?;
    let after = if unit == "ms" { "after " } else { "" };
    Some(format!(
        "{what} {after}{} beside it, {} alone ({}, n {}).",
        with_unit(with, unit),
        with_unit(without, unit),
        change(&ratio),
        counted(ratio.n, "round")
    ))
}
