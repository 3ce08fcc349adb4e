//! The median turn before and after as waterfalls, one above the other on one time axis.

use maud::{Markup, html};

use super::axis::{Axis, percent};
use super::legend::{LegendEntry, Swatch, coloured};
use super::picture::Picture;
use super::plot::{bar_label, x_ticks};
use crate::record::{Case, Run, TurnStage, Waterfall};
use crate::report::figure;
use crate::report::html::safe;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;

/// Heights in pixels: of an arm's heading, of a stage, of its bar, and of the label above that.
const HEADING: f64 = 28.0;
const ROW: f64 = 32.0;
const BAR: f64 = 11.0;
const LABEL: f64 = 18.0;

/// One waterfall: the turn of a case whose time to the expression is the median.
struct MedianTurn<'a> {
    case: &'a Case,
    /// Its place among the turns of the case.
    at: usize,
    turns: usize,
    turn: Waterfall,
}

impl<'a> MedianTurn<'a> {
    fn of(case: &'a Case) -> Option<Self> {
        let turns = Waterfall::of(case)?;
        let mut visible: Vec<(usize, f64)> =
            turns.iter().enumerate().filter_map(|(at, turn)| Some((at, turn.visible_ms?))).collect();
        visible.sort_by(|a, b| a.1.total_cmp(&b.1));
        let (at, _) = *visible.get(visible.len().checked_sub(1)? / 2)?;
        Some(Self { case, at, turns: visible.len(), turn: turns[at].clone() })
    }

    fn name(&self) -> String {
        let side = self.case.path.split('/').next().unwrap_or_default();
        match self.case.conditions["settings"]["name"].as_str() {
            Some(settings) => format!("{side} ({settings})"),
            None => side.to_owned(),
        }
    }

    /// Each stage that was reached, with its start and its end in milliseconds.
    fn stages(&self) -> Vec<(TurnStage, f64, f64)> {
        let mut until = 0.0;
        let mut stages = Vec::new();
        for stage in TurnStage::ALL {
            let Some(ms) = self.turn.stage_ms(stage) else { continue };
            stages.push((stage, until, until + ms));
            until += ms;
        }
        stages
    }
}

/// The median turns of a run of `pipeline`.
pub(super) fn picture(run: &Run) -> Option<Picture> {
    let arms: Vec<MedianTurn> =
        run.cases.iter().filter(|case| !case.path.ends_with("first-turn")).filter_map(MedianTurn::of).collect();
    if arms.is_empty() {
        return None;
    }
    let ends = arms.iter().flat_map(|arm| {
        let stages = arm.stages().last().map(|(_, _, end)| *end);
        stages.into_iter().chain(arm.turn.ttlt_ms)
    });
    let axis = Axis::linear(ends.chain([0.0]), "ms");
    let heights = arms.iter().map(|arm| HEADING + ROW * arm.stages().len() as f64);
    let tops: Vec<f64> = heights
        .scan(0.0, |top, height| {
            *top += height;
            Some(*top)
        })
        .collect();
    let bottom = tops[tops.len() - 1] + 6.0;
    let starts = std::iter::once(0.0).chain(tops.iter().copied());
    let drawing = html! {
        div.plot.flush {
            svg width="100%" height=(bottom + 24.0) role="img" aria-label="The median turn, stage by stage" {
                (x_ticks(&axis, bottom))
                @for (arm, top) in arms.iter().zip(starts) { (waterfall(arm, &axis, top)) }
            }
            p.axis-title.x { (axis.title("time since the user's message")) }
        }
    };
    let has_last = arms.iter().any(|arm| arm.turn.ttlt_ms.is_some());
    let last = has_last.then(|| LegendEntry::new(Swatch::Line, "last-token", "last token of the reply"));
    Some(Picture {
        title: if arms.len() > 1 { "The median turn, before and after" } else { "The median turn" }.into(),
        reading: "One real turn of each side: the one with the median time to the expression. Each stage starts where the previous \
                  one ends; the last ends when the expression shows, after the time beside the name."
            .into(),
        legend: last.into_iter().collect(),
        drawing,
        table: table(&arms),
    })
}

fn words(stage: TurnStage) -> &'static str {
    match stage {
        TurnStage::PromptBuild => "building the prompt",
        TurnStage::FirstToken => "first token",
        TurnStage::Reply => "reply until the reaction",
        TurnStage::Emotion => "choosing the emotion",
        TurnStage::Received => "sending the command",
        TurnStage::Applied => "waiting for the frame",
    }
}

fn waterfall(arm: &MedianTurn<'_>, axis: &Axis, top: f64) -> Markup {
    let stages = arm.stages();
    let visible = arm.turn.visible_ms.map_or_else(String::new, |ms| figure::value(ms, "ms"));
    html! {
        text.arm x="0" y=(top + 18.0) { (safe(&arm.name())) ": " (visible) }
        @if let Some(ttlt) = arm.turn.ttlt_ms {
            @let x = axis.percent(ttlt);
            g.mark {
                title { "last token after " (figure::value(ttlt, "ms")) }
                line.last-token x1=(x) x2=(x) y1=(top + HEADING) y2=(top + HEADING + ROW * stages.len() as f64)
                    data-case=(safe(&arm.case.path)) data-turn=(arm.at) data-figure="ttlt_ms" data-value=(ttlt) {}
            }
        }
        @for (row, (stage, start, end)) in stages.iter().enumerate() {
            (bar(arm, axis, (*stage, *start, *end), top + HEADING + LABEL + ROW * row as f64))
        }
    }
}

fn bar(arm: &MedianTurn<'_>, axis: &Axis, (stage, start, end): (TurnStage, f64, f64), top: f64) -> Markup {
    let (from, to) = (axis.share(start), axis.share(end));
    let place = TurnStage::ALL.iter().position(|other| *other == stage).unwrap_or(0);
    let label = format!("{} {}", words(stage), figure::value(end - start, "ms"));
    html! {
        g.mark {
            title { (safe(&arm.name())) ", " (label) }
            rect class=(format!("bar {}", coloured(place, 0))) x=(percent(from)) y=(top) width=(percent(to - from)) height=(BAR)
                data-case=(safe(&arm.case.path)) data-turn=(arm.at) data-stage=(stage.word())
                data-value=[arm.turn.stage_ms(stage)] data-start-ms=(start) {}
            (bar_label(&label, (from, to), top))
        }
    }
}

fn table(arms: &[MedianTurn<'_>]) -> MetricTable {
    let mut columns = vec![TableColumn::kept("stage", false)];
    columns.extend(arms.iter().map(|arm| TableColumn::kept(arm.name(), true)));
    let time = |ms: Option<f64>| ms.map_or_else(|| figure::NOTHING.to_owned(), |ms| figure::value(ms, "ms"));
    let row = |name: &str, value: &dyn Fn(&MedianTurn<'_>) -> Option<f64>| {
        std::iter::once(name.to_owned()).chain(arms.iter().map(|arm| time(value(arm)))).collect::<Vec<_>>()
    };
    let mut rows: Vec<Vec<String>> =
        TurnStage::ALL.into_iter().map(|stage| row(words(stage), &|arm| arm.turn.stage_ms(stage))).collect();
    rows.push(row("expression visible", &|arm| arm.turn.visible_ms));
    rows.push(row("last token", &|arm| arm.turn.ttlt_ms));
    let which = |arm: &MedianTurn<'_>| format!("{}: turn {} of {}", arm.name(), arm.at + 1, arm.turns);
    let remarks = vec![format!("{}.", arms.iter().map(which).collect::<Vec<_>>().join("; "))];
    MetricTable { title: String::new(), columns, rows, remarks }
}
