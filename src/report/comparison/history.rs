//! Series of figures over many runs, as a table for the terminal and as Markdown.

use std::collections::HashMap;

use super::words::percent;
use crate::compare::{FigureSeries, LevelChange};
use crate::record::Direction;
use crate::report::figure;
use crate::report::markdown::{escaped, grid, lines, list_item};
use crate::report::outline::TableColumn;
use crate::report::table::{NARROWEST, figures, paragraphs};

/// How many of the latest runs are drawn.
const DRAWN: usize = 24;

/// The series of one machine and subject.
pub(super) struct SeriesGroup<'a> {
    pub(super) title: String,
    pub(super) columns: Vec<TableColumn>,
    pub(super) rows: Vec<Vec<String>>,
    /// Its changes in words.
    pub(super) changes: Vec<String>,
    pub(super) series: Vec<&'a FigureSeries>,
}

/// The history for a terminal of `width` columns, ending in a newline.
#[must_use]
pub(crate) fn history_table(series: &[FigureSeries], remarks: &[String], width: usize) -> String {
    let width = width.max(NARROWEST);
    let mut blocks = Vec::new();
    for group in groups(series) {
        blocks.push(paragraphs([group.title.as_str()].into_iter(), "", width));
        blocks.extend(figures(&group.columns, &group.rows, &group.changes, width));
    }
    if !remarks.is_empty() {
        blocks.push(paragraphs(remarks.iter().map(String::as_str), "", width));
    }
    blocks.join("\n\n") + "\n"
}

/// The history as GitHub-flavoured Markdown, ending in a newline.
#[must_use]
pub(crate) fn history_markdown(series: &[FigureSeries], remarks: &[String]) -> String {
    let mut blocks = Vec::new();
    let item = |text: &String| format!("- {}", list_item(text));
    for group in groups(series) {
        blocks.push(format!("## {}", escaped(&group.title)));
        blocks.push(grid(&group.columns, &group.rows));
        if !group.changes.is_empty() {
            blocks.push(lines(&group.changes, item));
        }
    }
    if !remarks.is_empty() {
        blocks.push(lines(remarks, item));
    }
    blocks.join("\n\n") + "\n"
}

/// The series, grouped by machine and subject.
pub(super) fn groups(series: &[FigureSeries]) -> Vec<SeriesGroup<'_>> {
    let mut groups: Vec<(&str, &str, Vec<&FigureSeries>)> = Vec::new();
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    for one in series {
        let place = *places.entry((&one.machine, &one.subject)).or_insert_with(|| {
            groups.push((&one.machine, &one.subject, Vec::new()));
            groups.len() - 1
        });
        groups[place].2.push(one);
    }
    groups.into_iter().map(|(machine, subject, members)| group(machine, subject, members)).collect()
}

fn group<'a>(machine: &str, subject: &str, members: Vec<&'a FigureSeries>) -> SeriesGroup<'a> {
    let subject = if subject.is_empty() { "unknown subject" } else { subject };
    let column = |heading: &str, numeric, expendable| TableColumn { heading: heading.into(), numeric, expendable };
    SeriesGroup {
        title: format!("Machine {machine}, {subject}"),
        columns: vec![
            column("case", false, 0),
            column("metric", false, 0),
            column("runs", true, 2),
            column("first", true, 3),
            column("last", true, 0),
            column("course", false, 4),
            column("changes", true, 0),
        ],
        rows: members.iter().map(|series| row(series)).collect(),
        changes: members.iter().flat_map(|series| series.changes.iter().map(|change| said(series, change))).collect(),
        series: members,
    }
}

fn row(series: &FigureSeries) -> Vec<String> {
    let value =
        |value: Option<f64>| value.map_or_else(|| figure::NOTHING.into(), |value| figure::value(value, &series.unit));
    let missing = if series.missing == 0 { String::new() } else { format!(" (+{} without)", series.missing) };
    vec![
        series.case.clone(),
        series.metric.clone(),
        format!("{}{missing}", series.points.len()),
        value(series.points.first().map(|point| point.value)),
        value(series.points.last().map(|point| point.value)),
        drawn(series),
        series.changes.len().to_string(),
    ]
}

/// The latest values as bars, scaled from the smallest to the largest.
fn drawn(series: &FigureSeries) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let from = series.points.len().saturating_sub(DRAWN);
    let values: Vec<f64> = series.points[from..].iter().map(|point| point.value).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let height = |value: &f64| if most > least { (value - least) / (most - least) } else { 0.5 };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // From 0 to 7.
    values.iter().map(|value| BARS[(height(value) * 7.0).round() as usize]).collect()
}

fn said(series: &FigureSeries, change: &LevelChange) -> String {
    let ratio = change.after / change.before;
    let size = if ratio.is_finite() {
        format!(", {}{}", if ratio < 1.0 { "-" } else { "+" }, percent((ratio - 1.0).abs()))
    } else {
        String::new()
    };
    let way = match series.direction {
        Direction::None => "",
        Direction::Lower if ratio > 1.0 => " (worse)",
        Direction::Higher if ratio < 1.0 => " (worse)",
        Direction::Lower | Direction::Higher => " (better)",
    };
    let commit = if change.commit.is_empty() { String::new() } else { format!(", revision {}", change.commit) };
    let (before, after) = (figure::value(change.before, &series.unit), figure::value(change.after, &series.unit));
    format!(
        "{} {}: {before} to {after}{size}{way} since {} (run {}{commit}; p {})",
        series.case, series.metric, change.at, change.run_id, change.p
    )
}
