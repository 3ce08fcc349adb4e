//! What the sweep comes to, in words: which settings to use, how sure that is, and what the documented rules would cost.

use super::super::study::StopReason;
use super::cases::varied;
use super::choice::{Chosen, against_chosen, choose};
use super::data::{Group, SweepResult, complete_rounds};
use crate::advise::Certainty;
use crate::measure::{EngineSettings, Test};
use crate::plan::{Competition, Rule, ThreadsPlan};
use crate::plural::counted;
use crate::stats::PairedRatio;

/// The sentences that lead the report. On a disturbed machine nothing is sure.
pub(super) fn findings(plan: &ThreadsPlan, result: &SweepResult, is_disturbed: bool, end: StopReason) -> Vec<String> {
    let mut findings = Vec::new();
    let mut depths = plan.depths.clone();
    // The longest conversation decides; the others are for comparison.
    depths.sort_unstable_by(|a, b| b.cmp(a));
    for &load in plan.loads.iter().rev() {
        for &depth in &depths {
            let group = |test| Group { load, test, depth };
            let (generation, prompt) = (group(Test::Generation), group(Test::Prompt));
            let (Some(tg), Some(pp)) = (choose(plan, result, generation), choose(plan, result, prompt)) else {
                continue;
            };
            let is_first = findings.is_empty();
            let place = place(plan, load, depth);
            let advice = if is_first { "use" } else { "it would be" };
            findings.push(format!(
                "{place}, {advice} n_threads = {}{} ({}) and n_threads_batch = {}{} ({}).",
                tg.settings.threads,
                with_settings(plan, tg.settings),
                sureness(plan, &tg, is_disturbed),
                pp.settings.threads,
                with_settings(plan, pp.settings),
                sureness(plan, &pp, is_disturbed)
            ));
            if load == Competition::Render {
                findings.extend(frames(plan, result, (generation, &tg)));
            }
            if is_first {
                let rules = plan.rules.iter();
                findings.extend(rules.map(|rule| compared(plan, result, (generation, &tg), rule)));
            }
        }
    }
    findings.extend(result.flash_attention.iter().map(|line| format!("llama.cpp says: {}.", line.trim())));
    findings.push(ending(plan, result, end));
    findings
}

fn place(plan: &ThreadsPlan, load: Competition, depth: u32) -> String {
    let place = match load {
        Competition::Render => format!("Beside a scene that takes {}", plan.render),
        Competition::Idle => "Without a load beside it".into(),
    };
    if depth == 0 { place } else { format!("{place}, with {depth} tokens in the context") }
}

/// The settings beside the threads that the plan varies: ` with fa=off, prio=low`.
fn with_settings(plan: &ThreadsPlan, settings: EngineSettings) -> String {
    let parts: Vec<String> =
        varied(plan, settings).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    if parts.is_empty() { String::new() } else { format!(" with {}", parts.join(", ")) }
}

fn sureness(plan: &ThreadsPlan, choice: &Chosen, is_disturbed: bool) -> String {
    let tie = match &choice.share {
        Some(share) if choice.settings != choice.fastest => {
            let fastest = format!("{}{}", choice.fastest.threads, with_settings(plan, choice.fastest));
            format!("ties with the fastest, {fastest}: {}", in_percent(share))
        }
        _ => "the fastest".into(),
    };
    let likely = if is_disturbed { ", likely: the machine was disturbed" } else { "" };
    match choice.certainty {
        _ if choice.is_decided => {
            format!("{tie}: no other is more than 3 % faster, {}{likely}", counted(choice.rounds, "round"))
        }
        Certainty::Clear => format!("{tie}{likely}"),
        Certainty::Likely => format!("{tie}, likely: another may be faster, by a tenth at most"),
        Certainty::Noisy => {
            format!("{tie}; but the machine was too noisy to tell: another may be faster by more than a tenth")
        }
        Certainty::TooFewRounds => format!("{tie}; too few rounds for an interval"),
    }
}

/// What the choice does to the scene's frames.
fn frames(plan: &ThreadsPlan, result: &SweepResult, (group, chosen): (Group, &Chosen)) -> Option<String> {
    let (_, case) = result.of(group).find(|(settings, _)| *settings == chosen.settings)?;
    let percent = |(total, late): (u64, u64)| 100.0 * late as f64 / total.max(1) as f64;
    let limit = 100.0 * plan.late_limit.beside(result.late_alone());
    let of_it = format!(
        "{:.1} % of {} (n {}) are late, {:.1} % without the model (n {}); the limit is {limit:.1} %",
        percent(case.frames),
        "the scene's frames",
        case.frames.0,
        percent(result.alone),
        result.alone.0
    );
    Some(if chosen.keeps_limit == Some(true) {
        format!("With it {of_it}.")
    } else {
        format!("No setting keeps the frames: with it {of_it}. Measure lower priorities: --priority normal,low,idle.")
    })
}

fn compared(plan: &ThreadsPlan, result: &SweepResult, (group, chosen): (Group, &Chosen), rule: &Rule) -> String {
    // The rules know of nothing but threads: the rest is what the plan names first.
    let settings = plan.settings().first().map(|first| first.with_threads(rule.threads));
    let share = settings.and_then(|settings| against_chosen(result, group, chosen, settings));
    let verdict = match share {
        _ if settings == Some(chosen.settings) => "the same".into(),
        Some(share) => format!("generates at {} of that speed", in_percent(&share)),
        None => "not measured; add it to --sweep".into(),
    };
    format!("{}, {}: {verdict}.", rule.name, rule.threads)
}

/// `97 % [95, 99]`, with n.
fn in_percent(share: &PairedRatio) -> String {
    let interval =
        share.interval.map_or_else(String::new, |(low, high)| format!(" [{:.1}, {:.1}]", low * 100.0, high * 100.0));
    format!("{:.1} %{interval} (n {})", share.ratio * 100.0, share.n)
}

fn ending(plan: &ThreadsPlan, result: &SweepResult, end: StopReason) -> String {
    let rounds = complete_rounds(plan, result);
    let dropped = result.cases.values().filter(|case| case.dropped.is_some()).count();
    let why = match end {
        StopReason::Interrupted => "interrupted",
        StopReason::Failed => "ended by an error",
        StopReason::Precise if plan.exhaustive => "every speed known within 2 %",
        StopReason::Precise => "another round could not change the answer",
        StopReason::Budget if rounds == 0 => "the budget was spent before everything was measured once",
        StopReason::Budget => "the budget was spent before the answer was settled",
        StopReason::Planned => "as planned",
    };
    let race = match dropped {
        0 => String::new(),
        dropped => format!("; {} of {} dropped on the way", counted(dropped, "case"), result.cases.len()),
    };
    format!("{} of every setting in random order{race}: {why}.", counted(rounds, "round"))
}
