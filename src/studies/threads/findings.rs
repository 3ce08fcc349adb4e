//! What the sweep comes to, in words: which counts to use, how sure that is, and what the documented rules would cost.

use super::super::study::StopReason;
use super::sweep::{CaseSamples, Key, SweepResult, complete_rounds};
use crate::advise::{Candidate, Certainty, ThreadChoice};
use crate::measure::{Test, TokenSample};
use crate::plan::{Competition, ThreadsPlan};
use crate::plural::counted;
use crate::stats::PairedRatio;

/// The sentences that lead the report. On a disturbed machine nothing is sure.
pub(super) fn findings(plan: &ThreadsPlan, result: &SweepResult, is_disturbed: bool, end: StopReason) -> Vec<String> {
    let mut findings = Vec::new();
    for &load in plan.loads.iter().rev() {
        let chosen = |test| choice(result, plan.counts.len(), load, test);
        let (Some(tg), Some(pp)) = (chosen(Test::Generation), chosen(Test::Prompt)) else { continue };
        let place = match load {
            Competition::Render => format!("Beside a scene that takes {}", plan.render),
            Competition::Idle => "Without a load beside it".into(),
        };
        let advice = if findings.is_empty() { "use" } else { "it would be" };
        findings.push(format!(
            "{place}, {advice} n_threads = {} ({}) and n_threads_batch = {} ({}).",
            tg.0.threads,
            sureness(&tg.0, is_disturbed),
            pp.0.threads,
            sureness(&pp.0, is_disturbed)
        ));
        if findings.len() == 1 {
            findings.extend(plan.rules.iter().map(|rule| compared(rule.name, rule.threads, &tg)));
        }
    }
    findings.push(ending(plan, result, end));
    findings
}

/// The choice for one test under one load, and what it was made from.
fn choice(
    result: &SweepResult,
    counts: usize,
    load: Competition,
    test: Test,
) -> Option<(ThreadChoice, Vec<Candidate>)> {
    let is_it = |key: &Key| key.0 == load && key.1 == test;
    // The best of those that the budget had time for may be none of those that it had not.
    if result.keys().filter(|key| is_it(key)).count() < counts {
        return None;
    }
    let speeds = |collected: &CaseSamples| collected.samples.iter().map(TokenSample::tokens_per_s).collect();
    let candidates: Vec<Candidate> = result
        .iter()
        .filter(|(key, _)| is_it(key))
        .map(|(key, collected)| Candidate { threads: key.2, tokens_per_s: speeds(collected) })
        .collect();
    Some((ThreadChoice::among(&candidates)?, candidates))
}

fn sureness(choice: &ThreadChoice, is_disturbed: bool) -> String {
    let share = choice.shares.iter().find(|(threads, _)| *threads == choice.threads).map(|(_, share)| share);
    let tie = match share {
        Some(share) if choice.threads != choice.fastest => {
            format!("ties with the fastest, {}: {}", choice.fastest, in_percent(share))
        }
        _ => "the fastest".into(),
    };
    match choice.certainty {
        Certainty::Clear if is_disturbed => format!("{tie}, likely: the machine was disturbed"),
        Certainty::Clear => tie,
        Certainty::Likely => format!("{tie}, likely: another may be faster, by a tenth at most"),
        Certainty::Noisy => {
            format!("{tie}; but the machine was too noisy to tell: another may be faster by more than a tenth")
        }
        Certainty::TooFewRounds => format!("{tie}; too few rounds for an interval"),
    }
}

fn compared(name: &str, threads: u32, (choice, candidates): &(ThreadChoice, Vec<Candidate>)) -> String {
    let verdict = match choice.against_chosen(candidates, threads) {
        _ if threads == choice.threads => "the same".into(),
        Some(share) => format!("generates at {} of that speed", in_percent(&share)),
        None => "not measured; add it to --sweep".into(),
    };
    format!("{name}, {threads}: {verdict}.")
}

/// `97 % [95, 99]`, with n.
fn in_percent(share: &PairedRatio) -> String {
    let interval =
        share.interval.map_or_else(String::new, |(low, high)| format!(" [{:.1}, {:.1}]", low * 100.0, high * 100.0));
    format!("{:.1} %{interval} (n {})", share.ratio * 100.0, share.n)
}

fn ending(plan: &ThreadsPlan, result: &SweepResult, end: StopReason) -> String {
    let rounds = complete_rounds(plan, result);
    let why = match end {
        StopReason::Interrupted => "interrupted",
        StopReason::Failed => "ended by an error",
        StopReason::Precise => "every speed known within 2 %",
        StopReason::Budget if rounds == 0 => "the budget was spent before everything was measured once",
        StopReason::Budget => "the budget was spent before every speed was known within 2 %",
        StopReason::Planned => "as planned",
    };
    format!("{} of every count in random order: {why}.", counted(rounds, "round"))
}
