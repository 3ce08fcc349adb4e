//! Annotations for GitHub workflows: one line per type of result that needs attention, never one per figure.

use super::words::{headline, listed, name};
use crate::compare::{Comparison, ComparisonOutcome, Verdict};
use crate::text;

/// Longest message, in characters.
const LONGEST: usize = 1_000;

/// At most three lines: an error for failures, a warning for inconclusive figures, a notice for improvements.
#[must_use]
pub(crate) fn annotations(comparison: &Comparison, outcome: ComparisonOutcome) -> String {
    let mut lines = Vec::new();
    match outcome {
        ComparisonOutcome::Regressed => lines.push(line("error", "Slower", &headline(comparison, outcome))),
        ComparisonOutcome::Invalid => lines.push(line("error", "Not judged", &headline(comparison, outcome))),
        ComparisonOutcome::Inconclusive | ComparisonOutcome::Pass => {}
    }
    let of = |verdict: Verdict| {
        let figures = comparison.gating().filter(move |judgement| judgement.verdict == verdict).map(name);
        figures.collect::<Vec<_>>()
    };
    let open = of(Verdict::Inconclusive);
    if !open.is_empty() {
        lines.push(line("warning", "Inconclusive", &format!("Inconclusive: {}", listed(&open, ", "))));
    }
    let better = of(Verdict::Improved);
    if !better.is_empty() {
        lines.push(line("notice", "Faster", &listed(&better, ", ")));
    }
    lines.concat()
}

/// Text for the log of a workflow, with lines neutralised that the runner would interpret as commands. `token` is any
/// unguessable number.
#[must_use]
pub(crate) fn without_commands(text: &str, token: u64) -> String {
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if !text.lines().any(is_command) {
        return text.to_owned();
    }
    format!("::stop-commands::{token:016x}\n{text}::{token:016x}::\n")
}

/// One command to the workflow runner, with special characters escaped.
fn line(kind: &str, title: &str, message: &str) -> String {
    let message = text::line(message);
    let message = text::shortened(&message, LONGEST).replace('%', "%25");
    format!("::{kind} title=workly-perf%3A {title}::{message}\n")
}
