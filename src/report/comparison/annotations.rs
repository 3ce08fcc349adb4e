//! Annotations of GitHub's workflows: one line for each kind of thing that somebody must see, never one a figure.

use super::words::{headline, listed, name};
use crate::compare::{Comparison, Outcome, Verdict};
use crate::text;

/// Characters of a message at most.
const LONGEST: usize = 1_000;

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

/// Text for the log of a workflow, in which a line that the runner would take for a command is none. `token` is any number
/// that nobody could guess.
#[must_use]
pub fn without_commands(text: &str, token: u64) -> String {
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if !text.lines().any(is_command) {
        return text.to_owned();
    }
    format!("::stop-commands::{token:016x}\n{text}::{token:016x}::\n")
}

/// One command to the workflow's runner, with the characters escaped that would end it.
fn line(kind: &str, title: &str, message: &str) -> String {
    let message = text::line(message);
    let message = text::shortened(&message, LONGEST).replace('%', "%25");
    format!("::{kind} title=workly-perf%3A {title}::{message}\n")
}
