//! Figures over many runs: small plots beside each other, with the medians on both sides of each change.

use jiff::Timestamp;
use maud::{Markup, html};

use super::axis::{Axis, Tick, percent};
use super::legend::{LegendEntry, Swatch};
use super::plot::Plot;
use crate::compare::{FigureSeries, LevelChange};
use crate::plural::counted;
use crate::record::Direction;
use crate::report::figure;
use crate::report::html::safe;

/// Height of a plot, in pixels.
const HEIGHT: f64 = 110.0;

/// Series that are drawn, at most; the table has all of them.
const MOST: usize = 60;

/// The legend of the plots.
pub(in crate::report) fn course_legend() -> Vec<LegendEntry> {
    vec![
        LegendEntry::new(Swatch::Dot, "s1", "a run"),
        LegendEntry::new(Swatch::Line, "better", "median since a change for the better"),
        LegendEntry::new(Swatch::Line, "worse", "since one for the worse"),
        LegendEntry::new(Swatch::Line, "open", "before any change"),
    ]
}

/// A plot of each series, beside each other.
pub(in crate::report) fn courses(series: &[&FigureSeries]) -> Markup {
    html! {
        div.multiples {
            @for series in series.iter().filter(|series| !series.points.is_empty()).take(MOST) {
                div {
                    p.series { strong { (safe(&series.case)) } " " (safe(&series.metric)) ", " (counted(series.changes.len(), "change")) }
                    (course(series))
                }
            }
        }
    }
}

fn course(series: &FigureSeries) -> Markup {
    let seconds = |at: &Timestamp| at.as_millisecond() as f64 / 1e3;
    let times: Vec<f64> = series.points.iter().map(|point| seconds(&point.at)).collect();
    let (first, last) =
        times.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), at| (low.min(*at), high.max(*at)));
    let margin = ((last - first) * 0.03).max(1.0);
    let x = Axis::linear_with(first - margin, last + margin, days(series));
    let y = Axis::linear(series.points.iter().map(|point| point.value).chain([0.0]), &series.unit);
    let plot = Plot {
        x: &x,
        y: &y,
        height: HEIGHT,
        titles: ("", ""),
        label: format!("{} {} over {}", series.case, series.metric, counted(series.points.len(), "run")),
        references: Vec::new(),
    };
    let levels = levels(series, (first - margin, last + margin));
    let marks = html! {
        @for (class, from, to, value) in &levels {
            @let y = format!("{:.1}", plot.top(*value));
            line class=(format!("curve {class}")) x1=(x.percent(*from)) x2=(x.percent(*to)) y1=(y) y2=(y) {}
        }
        @for change in &series.changes { (changed(&plot, series, change, seconds(&change.at))) }
        @for (point, at) in series.points.iter().zip(&times) {
            g.mark {
                title { (point.at) ": " (figure::value(point.value, &series.unit)) " (" (safe(&point.run_id)) " " (safe(&point.commit)) ")" }
                circle.dot.s1 cx=(percent(x.share(*at))) cy=(format!("{:.1}", plot.top(point.value))) r="3.5"
                    data-case=(safe(&series.case)) data-figure=(safe(&series.metric)) data-run=(safe(&point.run_id)) data-value=(point.value) {}
            }
        }
    };
    plot.drawn(&marks)
}

/// The first and the last day.
fn days(series: &FigureSeries) -> Vec<Tick> {
    let ends = series.points.iter().map(|point| point.at).min().zip(series.points.iter().map(|point| point.at).max());
    let tick = |at: Timestamp| Tick {
        value: at.as_millisecond() as f64 / 1e3,
        label: at.strftime("%Y-%m-%d").to_string(),
        is_minor: false,
    };
    match ends {
        Some((first, last)) if last.duration_since(first).as_hours() >= 24 => vec![tick(first), tick(last)],
        Some((first, _)) => vec![tick(first)],
        None => Vec::new(),
    }
}

/// Whether a change is for the better, for the worse, or neither: its class.
fn meaning(series: &FigureSeries, change: &LevelChange) -> &'static str {
    match (series.direction, change.after > change.before) {
        (Direction::None, _) => "open",
        (Direction::Lower, true) | (Direction::Higher, false) => "worse",
        (Direction::Lower, false) | (Direction::Higher, true) => "better",
    }
}

/// Class, start, end and value of each stretch between changes.
fn levels(series: &FigureSeries, (start, end): (f64, f64)) -> Vec<(&'static str, f64, f64, f64)> {
    let mut levels = Vec::new();
    let mut from = start;
    let mut level = series.changes.first().map(|change| ("open", change.before));
    for change in &series.changes {
        let at = change.at.as_millisecond() as f64 / 1e3;
        levels.extend(level.map(|(class, value)| (class, from, at, value)));
        (from, level) = (at, Some((meaning(series, change), change.after)));
    }
    levels.extend(level.map(|(class, value)| (class, from, end, value)));
    levels
}

fn changed(plot: &Plot<'_>, series: &FigureSeries, change: &LevelChange, at: f64) -> Markup {
    let x = plot.x.percent(at);
    html! {
        g.mark {
            title {
                "changed with " (safe(&change.run_id)) " " (safe(&change.commit)) ": " (figure::value(change.before, &series.unit))
                " to " (figure::value(change.after, &series.unit)) ", p " (change.p)
            }
            line.reference x1=(x) x2=(x) y1="0" y2=(plot.height) data-case=(safe(&series.case)) data-figure=(safe(&series.metric))
                data-run=(safe(&change.run_id)) data-before=(change.before) data-after=(change.after) {}
        }
    }
}
