//! The result of a comparison in words.

use crate::compare::{BudgetJudgement, Comparison, ComparisonOutcome, Judgement, Verdict};
use crate::plural::{counted, verb_for};
use crate::record::Direction;
use crate::report::figure;

/// How many figures are named; the others are counted.
const NAMED: usize = 4;

/// The result in one or two sentences, the worst first.
#[must_use]
pub fn headline(comparison: &Comparison, outcome: ComparisonOutcome) -> String {
    let refused = || comparison.refusals.join("; ");
    match outcome {
        _ if !comparison.refusals.is_empty() => format!("Not compared: {}.", refused()),
        ComparisonOutcome::Regressed => regressed(comparison),
        ComparisonOutcome::Invalid => invalid(comparison),
        ComparisonOutcome::Inconclusive => {
            let open = named(comparison.gating().filter(|judgement| judgement.verdict == Verdict::Inconclusive));
            format!("Inconclusive whether {open} changed{}.", beside(comparison))
        }
        ComparisonOutcome::Pass => passed(comparison),
    }
}

fn regressed(comparison: &Comparison) -> String {
    let moved: Vec<String> = comparison
        .gating()
        .filter(|judgement| judgement.verdict == Verdict::Regressed)
        .map(|judgement| format!("{} is {}", name(judgement), moved(judgement)))
        .collect();
    let over: Vec<String> =
        comparison.budgets.iter().filter(|budget| budget.verdict == Verdict::Regressed).map(exceeded).collect();
    let all = [moved, over].concat();
    listed(&all, "; ") + "."
}

fn passed(comparison: &Comparison) -> String {
    let gating = comparison.gating().count();
    let improved: Vec<String> = comparison
        .gating()
        .filter(|judgement| judgement.verdict == Verdict::Improved)
        .map(|judgement| format!("{} is {}", name(judgement), moved(judgement)))
        .collect();
    let within = comparison.gating().map(|judgement| judgement.min_effect).fold(0.0, f64::max);
    let small = comparison.gating().filter(|judgement| judgement.verdict == Verdict::Regressed).count();
    let same = gating - improved.len() - small;
    let mut sentences = Vec::new();
    if !improved.is_empty() {
        sentences.push(format!("{}.", listed(&improved, "; ")));
    }
    if same > 0 {
        sentences.push(format!("{} unchanged within {}.", are(same, "figure"), percent(within)));
    }
    if small > 0 {
        sentences.push(format!("{} worse, but by less than the --fail-on threshold.", are(small, "figure")));
    }
    if !comparison.budgets.is_empty() {
        sentences.push(format!("{} kept.", are(comparison.budgets.len(), "budget")));
    }
    sentences.join(" ")
}

/// The first reason is stated; the others are below the table.
fn invalid(comparison: &Comparison) -> String {
    let figures = comparison.gating().filter(|judgement| is_unjudged(judgement));
    let budgets = comparison.budgets.iter().filter(|budget| budget.verdict == Verdict::Invalid);
    let figures = figures.map(|judgement| (name(judgement), judgement.reason.as_deref()));
    let all: Vec<(String, Option<&str>)> = figures
        .chain(budgets.map(|budget| (format!("the budget of {}", budget_name(budget)), budget.reason.as_deref())))
        .collect();
    let names: Vec<String> = all.iter().map(|(name, _)| name.clone()).collect();
    let reason = all.iter().find_map(|(_, reason)| *reason).map_or_else(String::new, |reason| format!(" ({reason})"));
    format!("{} could not be judged{reason}{}.", listed(&names, ", "), beside(comparison))
}

/// Invalid, or with too few runs for any test.
fn is_unjudged(judgement: &Judgement) -> bool {
    judgement.verdict == Verdict::Invalid || judgement.change.is_none_or(|change| change.interval.is_none())
}

/// The results of the other figures.
fn beside(comparison: &Comparison) -> String {
    let of = |verdict| comparison.gating().filter(|judgement| judgement.verdict == verdict).count();
    match (of(Verdict::Pass), of(Verdict::Improved)) {
        (0, 0) => String::new(),
        (same, 0) => format!("; {} {} unchanged", counted(same, "other"), verb_for(&same, "is", "are")),
        (0, better) => format!("; {} improved", counted(better, "other")),
        (same, better) => {
            format!("; {} {} unchanged, {better} improved", counted(same, "other"), verb_for(&same, "is", "are"))
        }
    }
}

/// A figure that exceeds its budget.
pub(super) fn exceeded(budget: &BudgetJudgement) -> String {
    let value = budget.value.map(|value| figure::value(value, &budget.budget.unit)).unwrap_or_default();
    format!("{} is {value}; the budget is {}", budget_name(budget), limit(budget))
}

/// The limits of a budget: `at most 50.00 ms`.
pub(super) fn limit(budget: &BudgetJudgement) -> String {
    let written = |word: &str, limit: Option<f64>| {
        limit.map(|limit| format!("{word} {}", figure::value(limit, &budget.budget.unit)))
    };
    let limits = [written("at least", budget.budget.min), written("at most", budget.budget.max)];
    limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The figure of a budget.
pub(super) fn budget_name(budget: &BudgetJudgement) -> String {
    format!("{} {}", budget.budget.case, budget.budget.metric)
}

/// Case and metric.
pub(super) fn name(judgement: &Judgement) -> String {
    format!("{} {}", judgement.case, judgement.metric)
}

/// The change of a figure: `20.3 % higher (worse)`.
pub(super) fn moved(judgement: &Judgement) -> String {
    let Some(change) = judgement.change else { return "not compared".into() };
    let (size, way) = if change.ratio >= 1.0 { (change.ratio - 1.0, "higher") } else { (1.0 - change.ratio, "lower") };
    let is_worse = (change.ratio > 1.0) == (judgement.direction == Direction::Lower);
    format!("{} {way} ({})", percent(size), if is_worse { "worse" } else { "better" })
}

/// The change of a figure with its interval: `+20.3 % [+18.1, +22.4]`.
pub(super) fn change(judgement: &Judgement) -> String {
    let Some(change) = judgement.change else { return figure::NOTHING.into() };
    let signed = |ratio: f64| format!("{:+.1}", (ratio - 1.0) * 100.0);
    let interval =
        change.interval.map_or_else(String::new, |(low, high)| format!(" [{}, {}]", signed(low), signed(high)));
    format!("{} %{interval}", signed(change.ratio))
}

/// A share as a percentage: `5 %`, `12.3 %`.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// The word of a verdict; important ones are in capitals.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "REGRESSED",
        Verdict::Improved => "improved",
        Verdict::Pass => "pass",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Invalid => "INVALID",
    }
}

/// The word of a budget's verdict.
pub(super) fn budget_verdict(budget: &BudgetJudgement) -> &'static str {
    if budget.verdict == Verdict::Regressed { "EXCEEDED" } else { verdict(budget.verdict) }
}

/// The word of an outcome.
pub(super) fn outcome(outcome: ComparisonOutcome) -> &'static str {
    match outcome {
        ComparisonOutcome::Pass => "pass",
        ComparisonOutcome::Regressed => "REGRESSED",
        ComparisonOutcome::Inconclusive => "INCONCLUSIVE",
        ComparisonOutcome::Invalid => "INVALID",
    }
}

/// The names of the figures, up to the limit.
pub(super) fn named<'a>(judgements: impl Iterator<Item = &'a Judgement>) -> String {
    listed(&judgements.map(name).collect::<Vec<_>>(), ", ")
}

/// The first few, and the number of further ones.
pub(super) fn listed(all: &[String], separator: &str) -> String {
    let shown = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(separator);
    if all.len() > NAMED { format!("{shown} and {} more", all.len() - NAMED) } else { shown }
}

/// `1 figure is`, `3 figures are`.
fn are(n: usize, what: &str) -> String {
    format!("{} {}", counted(n, what), verb_for(&n, "is", "are"))
}
