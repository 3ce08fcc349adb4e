//! The pages of a comparison: a table for a terminal, Markdown, and JSON with everything.

use serde_json::{Value, json};

use super::outline::ComparisonOutline;
use super::words;
use crate::compare::{Comparison, ComparisonOutcome};
use crate::report::markdown::{escaped, grid, lines, list_item};
use crate::report::table::{NARROWEST, figures, paragraphs};

/// Version of the JSON format.
const SCHEMA: &str = "1.0";

/// The comparison for a terminal of `width` columns, ending in a newline.
#[must_use]
pub(crate) fn comparison_table(comparison: &Comparison, outcome: ComparisonOutcome, width: usize) -> String {
    let width = width.max(NARROWEST);
    let outline = ComparisonOutline::of(comparison, outcome);
    let mut blocks = Vec::new();
    let text = |texts: &[String], indent: &str| paragraphs(texts.iter().map(String::as_str), indent, width);
    if !outline.marks.is_empty() {
        blocks.push(text(&outline.marks, ""));
    }
    blocks.push(text(&[outline.title, outline.headline, outline.subtitle], ""));
    for grid in outline.figures.iter().chain(&outline.budgets) {
        blocks.extend(figures(&grid.columns, &grid.rows, &[], width));
    }
    if !outline.remarks.is_empty() {
        blocks.push(text(&outline.remarks, ""));
    }
    for (heading, lines) in [("Advice", outline.advice), ("Warnings", outline.warnings)] {
        if !lines.is_empty() {
            blocks.push(format!("{heading}\n{}", text(&lines, "  ")));
        }
    }
    blocks.join("\n\n") + "\n"
}

/// The comparison as GitHub-flavoured Markdown, ending in a newline.
#[must_use]
pub fn comparison_markdown(comparison: &Comparison, outcome: ComparisonOutcome) -> String {
    markdown_of(ComparisonOutline::of(comparison, outcome))
}

/// Title, marks and result.
pub(super) fn before_figures(outline: &ComparisonOutline) -> String {
    let mut blocks: Vec<String> = vec![format!("## {}", escaped(&outline.title))];
    blocks.extend(outline.marks.iter().map(|mark| format!("> **{}**", escaped(mark))));
    blocks.push(escaped(&outline.headline));
    blocks.push(escaped(&outline.subtitle));
    blocks.join("\n\n")
}

/// A page as Markdown.
pub(super) fn markdown_of(outline: ComparisonOutline) -> String {
    let mut blocks = vec![before_figures(&outline)];
    let item = |text: &String| format!("- {}", list_item(text));
    if let Some(figures) = outline.figures {
        blocks.push(grid(&figures.columns, &figures.rows));
    }
    if let Some(budgets) = outline.budgets {
        blocks.push("### Budgets".into());
        blocks.push(grid(&budgets.columns, &budgets.rows));
    }
    if !outline.remarks.is_empty() {
        blocks.push(lines(&outline.remarks, item));
    }
    for (heading, texts) in [("Advice", outline.advice), ("Warnings", outline.warnings)] {
        if !texts.is_empty() {
            blocks.push(format!("### {heading}"));
            blocks.push(lines(&texts, item));
        }
    }
    blocks.join("\n\n") + "\n"
}

/// Everything as indented JSON, ending in a newline. `conditions` describes how the comparison was requested.
#[must_use]
pub(crate) fn comparison_json(comparison: &Comparison, outcome: ComparisonOutcome, conditions: &Value) -> String {
    let mut value = json!({
        "schema": SCHEMA,
        "outcome": outcome,
        "headline": words::headline(comparison, outcome),
        "conditions": conditions,
    });
    if let (Some(value), Ok(Value::Object(fields))) = (value.as_object_mut(), serde_json::to_value(comparison)) {
        value.extend(fields);
    }
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::super::{annotations, comparison_html, junit};
    use super::*;
    use crate::compare::sample::runs;
    use crate::compare::{ComparisonSpec, Gate, Verdict, compare};

    const PARTS: [f64; 8] = [-0.004, 0.003, 0.001, -0.002, 0.004, -0.001, 0.002, -0.003];

    fn around(middle: f64) -> Vec<f64> {
        PARTS.iter().map(|part| middle * (1.0 + part)).collect()
    }

    fn comparison(new: &[f64]) -> (Comparison, ComparisonOutcome) {
        let mut base = runs("base", &around(10.0));
        for run in &mut base {
            let origin = run.origin.as_mut().unwrap();
            origin.started = origin.started.checked_sub(jiff::SignedDuration::from_hours(24)).unwrap();
        }
        let gate = Gate::named("default").unwrap();
        let comparison = compare(&ComparisonSpec {
            base: &base,
            new: &runs("new", new),
            same: None,
            paired: false,
            variants: false,
            allow_different: false,
            gate: &gate,
            alpha: 0.05,
        });
        let outcome = comparison.outcome(Some(0.0));
        (comparison, outcome)
    }

    #[test]
    fn regression_as_table_and_markdown() {
        let (comparison, outcome) = comparison(&around(12.0));
        insta::assert_snapshot!("regressed_at_80_columns", comparison_table(&comparison, outcome, 80));
        insta::assert_snapshot!("regressed_at_120_columns", comparison_table(&comparison, outcome, 120));
        insta::assert_snapshot!("regressed_as_markdown", comparison_markdown(&comparison, outcome));
    }

    #[test]
    fn inconclusive_comparison_states_why() {
        let noisy: Vec<f64> =
            around(10.0).iter().enumerate().map(|(at, value)| value * (1.0 + 0.03 * (at as f64 - 3.5))).collect();
        let (comparison, outcome) = comparison(&noisy);
        assert_eq!(outcome, ComparisonOutcome::Inconclusive);
        insta::assert_snapshot!("inconclusive_at_80_columns", comparison_table(&comparison, outcome, 80));
    }

    #[test]
    fn single_run_is_not_judged() {
        let (comparison, outcome) = comparison(&[12.0]);
        assert_eq!((outcome, comparison.judgements[0].verdict), (ComparisonOutcome::Invalid, Verdict::Inconclusive));
        insta::assert_snapshot!("one_run_at_80_columns", comparison_table(&comparison, outcome, 80));
    }

    #[test]
    fn annotations_are_few_and_escaped() {
        let (comparison, outcome) = comparison(&around(12.0));
        let lines = annotations(&comparison, outcome);
        assert_eq!(
            lines,
            "::error title=workly-perf%3A Slower::applied/poisson:50/100B p50 is 20 %25 higher (worse).\n"
        );
    }

    #[test]
    fn non_passing_results_fail_in_junit() {
        let (regressed, outcome) = comparison(&around(12.0));
        assert!(junit(&regressed, outcome, false).contains("<failure message=\"+20.0 %"));
        let (lonely, outcome) = comparison(&[12.0]);
        assert!(junit(&lonely, outcome, false).contains("<skipped"));
        assert!(junit(&lonely, outcome, true).contains("<error"));
        let (none, outcome) = comparison(&[]);
        assert_eq!(outcome, ComparisonOutcome::Invalid);
        assert!(junit(&none, outcome, false).contains("<error message=\"Not compared: NEW has no figures"));
    }

    #[test]
    fn comparison_page_has_the_judged_changes() {
        let (comparison, outcome) = comparison(&around(12.0));
        let page = comparison_html(&comparison, outcome);
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
        assert!(place("20 % higher (worse)") < place("<svg"), "{page}");
        let judged: Vec<_> = comparison.gating().collect();
        assert_eq!(page.matches("data-scale=\"ratio\"").count(), judged.len());
        for judgement in judged {
            let change = judgement.change.unwrap();
            let (low, high) = change.interval.unwrap();
            place(&format!("data-value=\"{}\" data-low=\"{low}\" data-high=\"{high}\"", change.ratio));
        }
        place("data-verdict=\"REGRESSED\"");
        place("<td data-label=\"verdict\">REGRESSED</td>");
    }
}
