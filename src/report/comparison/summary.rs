//! A comparison as Markdown of limited size: decisive rows are kept, the others are counted.

use super::outline::{ComparisonOutline, OutlineTable};
use super::page::{before_figures, markdown_of};
use crate::compare::{Comparison, ComparisonOutcome};

/// The comparison as Markdown of at most `room` bytes, ending in a newline. If the whole does not fit, the decisive
/// figures come first (regressed and invalid, then inconclusive, improved, unchanged), as many as fit; the others are
/// counted. Empty if not even the result fits.
#[must_use]
pub fn comparison_summary(comparison: &Comparison, outcome: ComparisonOutcome, room: usize) -> String {
    let whole = markdown_of(ComparisonOutline::of(comparison, outcome));
    if whole.len() <= room {
        return whole;
    }
    let mut rows = comparison.judgements.len().max(comparison.budgets.len());
    while rows > 0 {
        rows /= 2;
        let mut outline = ComparisonOutline::of(comparison, outcome);
        for grid in outline.figures.iter_mut().chain(&mut outline.budgets) {
            let left_out = keep(grid, rows);
            outline.remarks.extend(left_out);
        }
        for texts in [&mut outline.remarks, &mut outline.advice, &mut outline.warnings] {
            count_beyond(texts, rows.max(FEWEST_TEXTS));
        }
        let text = markdown_of(outline);
        if text.len() <= room {
            return text;
        }
    }
    Some(before_figures(&ComparisonOutline::of(comparison, outcome)) + "\n")
        .filter(|text| text.len() <= room)
        .unwrap_or_default()
}

/// Number of remarks, pieces of advice and warnings that are always kept.
const FEWEST_TEXTS: usize = 8;

/// Keeps the decisive rows, and describes what was omitted. The verdict is in the last column.
fn keep(grid: &mut OutlineTable, most: usize) -> Option<String> {
    let left_out = grid.rows.len().checked_sub(most).filter(|left_out| *left_out > 0)?;
    // Stable: within each verdict in the order of the files.
    grid.rows.sort_by_key(|row| rank(row.last().map(String::as_str).unwrap_or_default()));
    let mut counts: Vec<(String, usize)> = Vec::new();
    for row in grid.rows.drain(most..) {
        let verdict = row.last().cloned().unwrap_or_default();
        match counts.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, count)) => *count += 1,
            None => counts.push((verdict, 1)),
        }
    }
    let counts: Vec<String> = counts.into_iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    Some(format!("Omitted because of GitHub's size limit: {left_out} figures ({}).", counts.join(", ")))
}

/// Decisive verdicts first.
fn rank(verdict: &str) -> usize {
    ["REGRESSED", "EXCEEDED", "INVALID", "inconclusive", "improved"]
        .iter()
        .position(|word| *word == verdict)
        .unwrap_or(9)
}

fn count_beyond(texts: &mut Vec<String>, most: usize) {
    if texts.len() > most {
        let more = texts.len() - most;
        texts.truncate(most);
        texts.push(format!("And {more} more."));
    }
}
