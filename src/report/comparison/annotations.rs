//! Annotations of GitHub's workflows: one line for each kind of thing that somebody must see, never one a figure.

use super::words::{headline, listed, name};
use crate::compare::{Comparison, Outcome, Verdict};

/// At most three lines: an error for what failed, a warning for what could not be told, a notice for what improved.
#[must_use]
pub fn annotations(comparison: &Comparison, outcome: Outcome) -> String {
    let mut lines = Vec::new();
    match outcome {
        Outcome::Regressed => lines.push(line("error", "Slower", &headline(comparison, outcome))),
        Outcome::Invalid => lines.push(line("error", "Not judged", &headline(comparison, outcome))),
        Outcome::Inconclusive | Outcome::Pass => {}
    }
    let of = |verdict: Verdict| {
        let figures = comparison.gating().filter(move |judgement| judgement.verdict == verdict).map(name);
        figures.collect::<Vec<_>>()
    };
    let open = of(Verdict::Inconclusive);
    if !open.is_empty() {
        lines.push(line("warning", "Could not be told", &format!("These runs cannot tell: {}", listed(&open, ", "))));
    }
    let better = of(Verdict::Improved);
    if !better.is_empty() {
        lines.push(line("notice", "Faster", &listed(&better, ", ")));
    }
    lines.concat()
}

/// One command to the workflow's runner, with the characters escaped that would end it.
fn line(kind: &str, title: &str, message: &str) -> String {
    let message = message.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    format!("::{kind} title=workly-perf%3A {title}::{message}\n")
}
