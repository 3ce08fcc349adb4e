//! The content of a comparison's pages, in order.

use std::collections::HashMap;

use super::words::{budget_name, budget_verdict, change, headline, limit, listed, name, outcome, percent, verdict};
use crate::compare::{Comparison, ComparisonOutcome, Design, Judgement, Verdict};
use crate::plural::counted;
use crate::report::figure;
use crate::report::outline::TableColumn;

/// A table of a page.
pub(super) struct OutlineTable {
    pub(super) columns: Vec<TableColumn>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A page.
pub(super) struct ComparisonOutline {
    /// What must be known before the figures are read.
    pub(super) marks: Vec<String>,
    pub(super) title: String,
    pub(super) headline: String,
    /// How the runs were measured.
    pub(super) subtitle: String,
    pub(super) figures: Option<OutlineTable>,
    /// Remarks below the figures.
    pub(super) remarks: Vec<String>,
    pub(super) budgets: Option<OutlineTable>,
    /// What the tail percentiles show.
    pub(super) advice: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl ComparisonOutline {
    /// The page of a comparison with this outcome.
    pub(super) fn of(comparison: &Comparison, came_to: ComparisonOutcome) -> Self {
        Self {
            marks: mark(comparison).into_iter().collect(),
            title: format!("workly-perf compare: {}", outcome(came_to)),
            headline: headline(comparison, came_to),
            subtitle: subtitle(comparison),
            figures: figures(comparison),
            remarks: remarks(comparison),
            budgets: budgets(comparison),
            advice: advice(comparison),
            warnings: comparison.warnings.clone(),
        }
    }
}

fn mark(comparison: &Comparison) -> Option<String> {
    let what = comparison.simulated.join("; ");
    (!what.is_empty()).then(|| format!("SIMULATED: {what}: these figures do not describe your own set-up."))
}

fn subtitle(comparison: &Comparison) -> String {
    let (base, new) = (comparison.base_runs.len(), comparison.new_runs.len());
    let taken = match comparison.design {
        Design::Paired => format!("{} of interleaved runs", counted(base, "pair")),
        Design::Unpaired => {
            format!("{} of BASE and {} of NEW, not interleaved", counted(base, "run"), counted(new, "run"))
        }
    };
    let noise = comparison
        .noise
        .map_or_else(String::new, |noise| format!("; noise from {} (BASE with itself)", counted(noise.pairs, "pair")));
    format!("{taken}{noise}. Gate: {}.", comparison.gate)
}

fn column(heading: impl Into<String>, numeric: bool, expendable: usize) -> TableColumn {
    TableColumn { heading: heading.into(), numeric, expendable }
}

fn figures(comparison: &Comparison) -> Option<OutlineTable> {
    let has_noise = comparison.gating().any(|judgement| judgement.noise.is_some());
    let confidence = percent(comparison.confidence);
    let mut columns = vec![
        column("case", false, 0),
        column("metric", false, 0),
        column("BASE", true, 2),
        column("NEW", true, 1),
        column(format!("change [{confidence}]"), true, 0),
        column("detectable", true, 3),
    ];
    if has_noise {
        columns.push(column("noise", true, 4));
    }
    columns.push(column("verdict", false, 0));
    let rows: Vec<Vec<String>> = comparison.gating().map(|judgement| row(judgement, has_noise)).collect();
    (!rows.is_empty()).then_some(OutlineTable { columns, rows })
}

fn row(judgement: &Judgement, has_noise: bool) -> Vec<String> {
    let value = |value: Option<f64>| {
        value.map_or_else(|| figure::NOTHING.into(), |value| figure::value(value, &judgement.unit))
    };
    let share = |share: Option<f64>| share.map_or_else(|| figure::NOTHING.into(), percent);
    let mut cells = vec![
        judgement.case.clone(),
        judgement.metric.clone(),
        value(judgement.base),
        value(judgement.new),
        change(judgement),
        share(judgement.detectable),
    ];
    if has_noise {
        cells.push(share(judgement.noise));
    }
    cells.push(verdict(judgement.verdict).into());
    cells
}

/// Reasons first, each once with its figures; then how to read the table.
fn remarks(comparison: &Comparison) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let budgets = comparison.budgets.iter().filter_map(|budget| Some((budget.reason.clone()?, budget_name(budget))));
    let open = comparison.gating().filter_map(|judgement| Some((judgement.reason.clone()?, name(judgement))));
    for (reason, name) in open.chain(budgets) {
        let place = *places.entry(reason).or_insert_with_key(|reason| {
            reasons.push((reason.clone(), Vec::new()));
            reasons.len() - 1
        });
        reasons[place].1.push(name);
    }
    let mut remarks: Vec<String> =
        reasons.into_iter().map(|(reason, names)| format!("{}: {reason}.", listed(&names, ", "))).collect();
    if comparison.gating().any(|judgement| judgement.change.is_some()) {
        remarks.push(
            "BASE, NEW: medians over runs. detectable: the smallest change that such runs detect in 80 of 100 comparisons."
                .into(),
        );
    }
    remarks
}

fn budgets(comparison: &Comparison) -> Option<OutlineTable> {
    let columns = vec![
        column("case", false, 0),
        column("metric", false, 0),
        column("NEW", true, 0),
        column("budget", true, 0),
        column("verdict", false, 0),
    ];
    let rows: Vec<Vec<String>> = comparison
        .budgets
        .iter()
        .map(|budget| {
            let value =
                budget.value.map_or_else(|| figure::NOTHING.into(), |value| figure::value(value, &budget.budget.unit));
            let verdict = budget_verdict(budget).to_owned();
            vec![budget.budget.case.clone(), budget.budget.metric.clone(), value, limit(budget), verdict]
        })
        .collect();
    (!rows.is_empty()).then_some(OutlineTable { columns, rows })
}

fn advice(comparison: &Comparison) -> Vec<String> {
    comparison
        .advising()
        .filter(|judgement| matches!(judgement.verdict, Verdict::Regressed | Verdict::Improved))
        .map(|judgement| {
            format!("{}: {}. Tail percentiles are advisory and never gate.", name(judgement), change(judgement))
        })
        .collect()
}
