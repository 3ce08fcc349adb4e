//! A whole comparison: all figures of a gate, its budgets, and the outcome.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;

use super::comparable::{cautions, differences, faults};
use super::gate::{Budget, FigureSelection, Gate, is_tail};
use super::history::{WideRow, column};
use super::judgement::{ComparedRuns, Judgement, Verdict, median, values};
use super::runs::RunTable;
use super::sequential::smallest_p;
use crate::record::{Direction, FigureName, RunFigures};
use crate::stats::holm;

/// What is compared, and how.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonSpec<'a> {
    /// The baseline runs, in order of their start.
    pub base: &'a [RunFigures],
    /// The new runs.
    pub new: &'a [RunFigures],
    /// Pairs of runs with BASE's settings, the first and second of each, to measure noise.
    pub same: Option<(&'a [RunFigures], &'a [RunFigures])>,
    /// Whether the runs of both sides are paired, in their order.
    pub paired: bool,
    /// Whether build and subject differ on purpose; the machine must still be the same.
    pub variants: bool,
    /// Whether other differences are allowed as well.
    pub allow_different: bool,
    /// What is judged.
    pub gate: &'a Gate,
    /// The two-sided significance level.
    pub alpha: f64,
}

/// How the runs were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// In interleaved pairs.
    Paired,
    /// Not interleaved.
    Unpaired,
}

/// The result of the A/A pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NoiseFloor {
    /// Pairs of runs with the same settings.
    pub pairs: usize,
}

/// A judged budget.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BudgetJudgement {
    /// The budget.
    #[serde(flatten)]
    pub budget: Budget,
    /// The median over the new runs, if all of them have the figure.
    pub value: Option<f64>,
    /// `pass`, `regressed` if the limit is exceeded, or `invalid`.
    pub verdict: Verdict,
    /// Why it is invalid.
    pub reason: Option<String>,
}

/// The outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ComparisonOutcome {
    /// Every figure that gates is unchanged or better, and every budget is kept.
    Pass,
    /// A figure regressed, or a budget is exceeded.
    Regressed,
    /// No figure regressed, but some are inconclusive.
    Inconclusive,
    /// Something is missing, not comparable or could not be judged at all.
    Invalid,
}

/// A comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the gate.
    pub gate: String,
    /// How the runs were measured.
    pub design: Design,
    /// IDs of the runs of BASE.
    pub base_runs: Vec<String>,
    /// IDs of the runs of NEW.
    pub new_runs: Vec<String>,
    /// The result of the A/A pairs; `None` if there were none.
    pub noise: Option<NoiseFloor>,
    /// Confidence level of the intervals: 0.95, or more after an early look.
    pub confidence: f64,
    /// Start of the last run of NEW, if known.
    pub measured: Option<Timestamp>,
    /// Revision of the last run of NEW; empty if it is not known.
    pub new_commit: String,
    /// What was simulated in any run; empty if nothing was.
    pub simulated: Vec<String>,
    /// The figures.
    pub judgements: Vec<Judgement>,
    /// The budgets.
    pub budgets: Vec<BudgetJudgement>,
    /// Why nothing was compared: differences that were not allowed, and faults.
    pub refusals: Vec<String>,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

/// Compares.
#[must_use]
pub fn compare(question: &ComparisonSpec<'_>) -> Comparison {
    let ids = |runs: &[RunFigures]| runs.iter().map(|run| run.run_id.clone()).collect::<Vec<_>>();
    let mut comparison = Comparison {
        gate: question.gate.name.clone(),
        design: if question.paired { Design::Paired } else { Design::Unpaired },
        base_runs: ids(question.base),
        new_runs: ids(question.new),
        noise: question.same.map(|(first, _)| NoiseFloor { pairs: first.len() }),
        confidence: 1.0 - question.alpha,
        measured: question.new.iter().filter_map(|run| Some(run.origin.as_ref()?.started)).max(),
        new_commit: question.new.last().and_then(|run| Some(run.origin.as_ref()?.commit.clone())).unwrap_or_default(),
        simulated: simulated(question),
        judgements: Vec::new(),
        budgets: Vec::new(),
        refusals: faults(question),
        warnings: cautions(question),
    };
    let differences = differences(question);
    let kept = if question.allow_different { &mut comparison.warnings } else { &mut comparison.refusals };
    kept.extend(differences);
    if question.paired && question.base.len() != question.new.len() {
        let (base, new) = (question.base.len(), question.new.len());
        comparison.refusals.push(format!("paired runs must be equal in number: BASE has {base}, NEW has {new}"));
    }
    if !comparison.refusals.is_empty() {
        return comparison;
    }
    let sides = ComparedRuns::of(question);
    comparison.judgements = judgements(question, &sides);
    comparison.budgets = question.gate.budgets.iter().flat_map(|budget| judged(budget, &sides.new)).collect();
    comparison.warnings.extend(out_of_reach(&comparison, question));
    let is_judged = comparison.judgements.iter().any(|judgement| judgement.gates) || !comparison.budgets.is_empty();
    if !is_judged {
        comparison.refusals.push(format!("these files have no figure of gate '{}'", question.gate.name));
    }
    comparison
}

fn simulated(question: &ComparisonSpec<'_>) -> Vec<String> {
    let runs = question.base.iter().chain(question.new);
    let mut simulated: Vec<String> = runs
        .filter_map(|run| run.origin.as_ref())
        .map(|origin| origin.simulated.clone())
        .filter(|what| !what.is_empty())
        .collect();
    simulated.sort();
    simulated.dedup();
    simulated
}

fn judgements(question: &ComparisonSpec<'_>, sides: &ComparedRuns<'_>) -> Vec<Judgement> {
    let mut judgements = Vec::new();
    let mut is_used = vec![false; question.gate.metrics.len()];
    for name in sides.names() {
        let Some(at) = question.gate.metrics.iter().position(|selection| selection.takes(name)) else { continue };
        is_used[at] = true;
        let selection = &question.gate.metrics[at];
        let judgement = judgement(name, selection, question, sides);
        let is_beside_the_point = judgement.direction == Direction::None && selection.optional;
        if !is_beside_the_point && (judgement.gates || judgement.verdict != Verdict::Invalid) {
            judgements.push(judgement);
        }
    }
    let unused = question.gate.metrics.iter().zip(is_used).filter(|(selection, used)| !used && !selection.optional);
    judgements.extend(unused.map(|(selection, _)| nowhere(selection, question, sides)));
    settle(&mut judgements, question.alpha);
    judgements
}

fn judgement(
    name: FigureName<'_>,
    selection: &FigureSelection,
    question: &ComparisonSpec<'_>,
    sides: &ComparedRuns<'_>,
) -> Judgement {
    let percent = selection.min_effect_percent.unwrap_or(question.gate.min_effect_percent);
    Judgement::of(name, !is_tail(name.metric), sides, percent / 100.0)
}

/// A selected figure that no run has.
fn nowhere(selection: &FigureSelection, question: &ComparisonSpec<'_>, sides: &ComparedRuns<'_>) -> Judgement {
    let name = FigureName {
        command: selection.command.as_deref().unwrap_or_default(),
        case: &selection.case,
        metric: &selection.metric,
    };
    let mut judgement = judgement(name, selection, question, sides);
    judgement.gates = true;
    judgement.reason = Some("no run has this figure".into());
    judgement
}

/// Settles all verdicts: p is corrected for all figures that gate and can be tested.
fn settle(judgements: &mut [Judgement], alpha: f64) {
    let tested = |judgement: &&mut Judgement| {
        judgement.gates && judgement.change.is_some_and(|change| change.interval.is_some())
    };
    let mut gating: Vec<&mut Judgement> = judgements.iter_mut().filter(tested).collect();
    let ps: Vec<f64> = gating.iter().filter_map(|judgement| judgement.change.map(|change| change.p)).collect();
    for (judgement, adjusted) in gating.iter_mut().zip(holm(&ps)) {
        if let Some(change) = judgement.change.as_mut() {
            change.p_adjusted = adjusted;
        }
    }
    for judgement in judgements {
        judgement.settle(alpha);
    }
}

/// Too few runs for this number of figures: even the clearest result would not be significant.
fn out_of_reach(comparison: &Comparison, question: &ComparisonSpec<'_>) -> Option<String> {
    let figures =
        comparison.judgements.iter().filter(|judgement| judgement.gates && judgement.change.is_some()).count();
    let reaches = |runs: usize| smallest(question, runs) * figures as f64 <= question.alpha;
    let (base, new) = (question.base.len(), question.new.len());
    let is_reached =
        if question.paired { reaches(base) } else { smallest_of(base, new) * figures as f64 <= question.alpha };
    if figures == 0 || is_reached {
        return None;
    }
    let needed = (2..200).find(|&runs| reaches(runs))?;
    let what = if question.paired { "pairs" } else { "runs per side" };
    let of = if figures == 1 { "1 figure needs".to_owned() } else { format!("{figures} figures together need") };
    Some(format!("too few runs for any change to be significant: {of} at least {needed} {what}"))
}

fn smallest(question: &ComparisonSpec<'_>, runs: usize) -> f64 {
    if question.paired { smallest_p(runs) } else { smallest_of(runs, runs) }
}

/// The smallest two-sided p of the rank-sum test: 2 over the ways to choose `m` of `m + n`.
fn smallest_of(m: usize, n: usize) -> f64 {
    (1..=m).fold(2.0, |p, i| p * i as f64 / (n + i) as f64)
}

/// A judgement for every figure that the budget selects; an invalid one if there is none.
fn judged(budget: &Budget, new: &RunTable<'_>) -> Vec<BudgetJudgement> {
    let mut seen = HashSet::new();
    let judged: Vec<BudgetJudgement> = new
        .names()
        .filter(|name| budget.takes(*name) && seen.insert(*name))
        .map(|name| judged_for(budget, name, new))
        .collect();
    if judged.is_empty() {
        let reason = Some("no run of NEW has this figure".into());
        return vec![BudgetJudgement { budget: budget.clone(), value: None, verdict: Verdict::Invalid, reason }];
    }
    judged
}

fn judged_for(budget: &Budget, name: FigureName<'_>, new: &RunTable<'_>) -> BudgetJudgement {
    let budget = Budget {
        command: Some(name.command.into()),
        case: name.case.into(),
        metric: name.metric.into(),
        ..budget.clone()
    };
    let invalid = |reason: String| BudgetJudgement {
        budget: budget.clone(),
        value: None,
        verdict: Verdict::Invalid,
        reason: Some(reason),
    };
    if let Some(other) = new.given(name).map(|metric| &metric.unit).find(|unit| **unit != budget.unit) {
        return invalid(format!("the budget is in {}, but the figure is in {other}", budget.unit));
    }
    let value = match values(name, new, "NEW") {
        Ok(values) => median(&values),
        Err(reason) => return invalid(reason),
    };
    let is_kept = budget.max.is_none_or(|max| value <= max) && budget.min.is_none_or(|min| value >= min);
    let verdict = if is_kept { Verdict::Pass } else { Verdict::Regressed };
    BudgetJudgement { budget, value: Some(value), verdict, reason: None }
}

impl Comparison {
    /// The figures whose verdict counts.
    pub fn gating(&self) -> impl Iterator<Item = &Judgement> {
        self.judgements.iter().filter(|judgement| judgement.gates)
    }

    /// The tail percentiles, which are advisory.
    pub fn advising(&self) -> impl Iterator<Item = &Judgement> {
        self.judgements.iter().filter(|judgement| !judgement.gates)
    }

    /// The medians over the runs of NEW as a row of the wide CSV; `None` if it is not known when they were measured.
    #[must_use]
    pub fn wide_row(&self, commit: &str, branch: &str) -> Option<WideRow> {
        let named = |judgement: &Judgement| {
            let Judgement { command, case, metric, unit, .. } = judgement;
            Some((column(command, case, metric, unit), judgement.new?))
        };
        let values = self.judgements.iter().filter_map(named).collect();
        Some(WideRow { time: self.measured?, commit: commit.into(), branch: branch.into(), values })
    }

    /// Whether more runs could not change the outcome: each figure has a verdict.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        let is_open = |judgement: &Judgement| judgement.verdict == Verdict::Inconclusive;
        !self.refusals.is_empty() || !self.gating().any(is_open)
    }

    /// The outcome. Regressions of less than `fail_from`, a share, are reported but do not count; with `None`, none of
    /// them counts. A budget always counts.
    #[must_use]
    pub fn outcome(&self, fail_from: Option<f64>) -> ComparisonOutcome {
        let verdicts =
            || self.gating().map(|judgement| judgement.verdict).chain(self.budgets.iter().map(|budget| budget.verdict));
        let counts = |judgement: &Judgement| {
            judgement.verdict == Verdict::Regressed
                && fail_from.is_some_and(|least| judgement.worse_by().is_some_and(|by| by >= least))
        };
        let is_over = self.budgets.iter().any(|budget| budget.verdict == Verdict::Regressed);
        if is_over || self.gating().any(counts) {
            return ComparisonOutcome::Regressed;
        }
        if !self.refusals.is_empty() || verdicts().any(|verdict| verdict == Verdict::Invalid) || !self.is_testable() {
            return ComparisonOutcome::Invalid;
        }
        if verdicts().any(|verdict| verdict == Verdict::Inconclusive) {
            ComparisonOutcome::Inconclusive
        } else {
            ComparisonOutcome::Pass
        }
    }

    /// Whether anything could be judged: a test needs enough runs, a budget needs one.
    fn is_testable(&self) -> bool {
        !self.budgets.is_empty()
            || self.gating().any(|judgement| judgement.change.is_some_and(|change| change.interval.is_some()))
    }
}
