//! A comparison, and a history, as one HTML file each.

use maud::{Markup, html};

use super::history::groups;
use super::outline::ComparisonOutline;
use super::words;
use crate::compare::{Comparison, ComparisonOutcome, FigureSeries, Judgement, Verdict};
use crate::plural::counted;
use crate::report::html::{grid, page_of, picture_of, remarks, safe, section_of};
use crate::report::metric_tables;
use crate::report::pictures::{
    ChangeMeaning, ChangeScale, DrawnChange, Picture, course_legend, courses, forest, forest_legend,
};

/// The comparison as a self-contained page: the verdict, the changes with their intervals, then everything else.
pub(crate) fn comparison_html(comparison: &Comparison, outcome: ComparisonOutcome) -> String {
    let outline = ComparisonOutline::of(comparison, outcome);
    let title = outline.title.clone();
    let picture = changes(comparison, &outline);
    let content = html! {
        (head(&outline.marks, ("workly-perf compare", &outline.subtitle), "Did anything become slower?", &outline.headline))
        @if let Some(picture) = &picture {
            (picture_of(picture))
        } @else if let Some(figures) = &outline.figures {
            (section_of("Figures", &grid(&figures.columns, &figures.rows)))
        }
        @if let Some(budgets) = &outline.budgets { (section_of("Budgets", &grid(&budgets.columns, &budgets.rows))) }
        (section_of("Remarks", &remarks(&outline.remarks)))
        (section_of("Advice", &remarks(&outline.advice)))
        (section_of("Warnings", &remarks(&outline.warnings)))
    };
    page_of(&title, &content)
}

fn head(marks: &[String], (run, conditions): (&str, &str), question: &str, answer: &str) -> Markup {
    html! {
        @for mark in marks { p.mark role="note" { (safe(mark)) } }
        header {
            p.run { (safe(run)) span { (safe(conditions)) } }
            h1 { (question) }
            p.finding { (safe(answer)) }
        }
    }
}

fn changes(comparison: &Comparison, outline: &ComparisonOutline) -> Option<Picture> {
    let changes: Vec<DrawnChange> = comparison.gating().filter_map(change).collect();
    let figures = outline.figures.as_ref()?;
    let margin = comparison.gating().map(|judgement| judgement.min_effect).fold(0.0, f64::max);
    (!changes.is_empty()).then(|| Picture {
        title: "What changed".into(),
        reading: format!(
            "New relative to base; lines: {:.0} % intervals. Within the shaded band, ±{}, a change counts as the same.",
            comparison.confidence * 100.0,
            words::percent(margin)
        ),
        legend: forest_legend(),
        drawing: forest(&changes, ChangeScale::Ratio, (margin > 0.0).then_some(margin)),
        table: metric_tables::MetricTable {
            title: String::new(),
            columns: figures.columns.clone(),
            rows: figures.rows.clone(),
            remarks: Vec::new(),
        },
    })
}

fn change(judgement: &Judgement) -> Option<DrawnChange> {
    let change = judgement.change?;
    let meaning = match judgement.verdict {
        Verdict::Regressed => ChangeMeaning::Worse,
        Verdict::Improved => ChangeMeaning::Better,
        Verdict::Pass | Verdict::Inconclusive | Verdict::Invalid => ChangeMeaning::Open,
    };
    Some(DrawnChange {
        figure: words::name(judgement),
        name: words::name(judgement),
        value: change.ratio,
        interval: change.interval,
        words: words::change(judgement),
        meaning,
        verdict: words::verdict(judgement.verdict).into(),
    })
}

/// The history as a self-contained page: a small plot of each figure over its runs, then the same as a table.
pub(crate) fn history_html(series: &[FigureSeries], remarks_of_all: &[String]) -> String {
    let changes = series.iter().map(|one| one.changes.len()).sum::<usize>();
    let answer = format!("{} in {}.", counted(changes, "change"), counted(series.len(), "figure"));
    let content = html! {
        (head(&[], ("workly-perf history", ""), "How did the figures develop, and where did they change?", &answer))
        @for group in groups(series) {
            @let picture = Picture {
                title: group.title,
                reading: "One dot per run, in the order of time; dashed lines: where the level changed. The vertical axes start at 0.".into(),
                legend: course_legend(),
                drawing: courses(&group.series),
                table: metric_tables::MetricTable { title: String::new(), columns: group.columns, rows: group.rows, remarks: group.changes },
            };
            (picture_of(&picture))
        }
        (section_of("Remarks", &remarks(remarks_of_all)))
    };
    page_of("workly-perf history", &content)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::compare::{LevelChange, SeriesPoint};
    use crate::record::Direction;

    #[test]
    fn history_page_has_every_run_and_change() {
        let at = |day: i64| Timestamp::from_second(1_700_000_000 + day * 86_400).unwrap();
        let values = [10.0, 10.1, 12.0, 12.2];
        let point = |(day, value): (i64, f64)| SeriesPoint {
            at: at(day),
            run_id: format!("run{day}"),
            commit: "0123abc".into(),
            value,
        };
        let series = FigureSeries {
            command: "ipc".into(),
            case: "applied/poisson:50/100B".into(),
            metric: "p50".into(),
            unit: "ms".into(),
            direction: Direction::Lower,
            machine: "9f86d081".into(),
            subject: "dialect=stock".into(),
            points: (0..).zip(values).map(point).collect(),
            missing: 0,
            changes: vec![LevelChange {
                at: at(2),
                run_id: "run2".into(),
                commit: "0123abc".into(),
                before: 10.05,
                after: 12.1,
                p: 0.01,
            }],
        };
        let page = history_html(&[series], &["1 run was omitted.".into()]);
        for (day, value) in values.iter().enumerate() {
            assert!(page.contains(&format!("data-run=\"run{day}\" data-value=\"{value}\"")), "{page}");
        }
        assert!(page.contains("data-before=\"10.05\" data-after=\"12.1\"") && page.contains("curve worse"), "{page}");
        assert!(page.contains("1 change in 1 figure.") && page.contains("1 run was omitted."), "{page}");
    }
}
