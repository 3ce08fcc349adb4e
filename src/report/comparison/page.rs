//! The pages of a comparison: a table for a terminal, Markdown, and everything as JSON.

use serde_json::{Value, json};

use super::outline::Outline;
use super::words;
use crate::compare::{Comparison, Outcome};
use crate::report::markdown::{escaped, grid, lines, list_item};
use crate::report::table::{NARROWEST, figures, paragraphs};

/// The version of the JSON's shape.
const SCHEMA: &str = "1.0";

/// The comparison for a terminal of `width` columns, ending in a newline.
#[must_use]
pub fn comparison_table(comparison: &Comparison, outcome: Outcome, width: usize) -> String {
    let width = width.max(NARROWEST);
    let outline = Outline::of(comparison, outcome);
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
pub fn comparison_markdown(comparison: &Comparison, outcome: Outcome) -> String {
    let outline = Outline::of(comparison, outcome);
    let mut blocks: Vec<String> = vec![format!("## {}", escaped(&outline.title))];
    blocks.extend(outline.marks.iter().map(|mark| format!("> **{}**", escaped(mark))));
    blocks.push(escaped(&outline.headline));
    blocks.push(escaped(&outline.subtitle));
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

/// Everything as indented JSON that ends with a newline. `conditions` says how the comparison was asked for.
#[must_use]
pub fn comparison_json(comparison: &Comparison, outcome: Outcome, conditions: &Value) -> String {
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
