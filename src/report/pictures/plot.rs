//! The frame of a plot: grid, ticks and titles. Marks are positioned by its axes.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::axis::{Axis, percent};
use crate::report::html::safe;

/// Room below the area for the labels of the ticks, in pixels.
const TICK_ROOM: f64 = 24.0;

/// Distance of the labels of references from one another, in pixels.
const REFERENCE_ROW: f64 = 15.0;

/// Distance of the lowest one from the area, in pixels: the label of the highest tick is half above it.
const REFERENCE_GAP: f64 = 10.0;

/// A value of the axis across that is marked from top to bottom.
pub(super) struct ReferenceLine {
    /// The value, in the unit of the axis.
    pub(super) value: f64,
    /// Its name: `frame 16.67 ms`.
    pub(super) name: String,
    /// Why it is marked.
    pub(super) reason: String,
}

/// A plot with two axes.
pub(super) struct Plot<'a> {
    /// The axis across.
    pub(super) x: &'a Axis,
    /// The axis upwards.
    pub(super) y: &'a Axis,
    /// Height of the area, in pixels.
    pub(super) height: f64,
    /// What the axes show.
    pub(super) titles: (&'a str, &'a str),
    /// What the picture shows, for readers that cannot see it.
    pub(super) label: String,
    /// What is marked across it; values that the axis does not have are left out.
    pub(super) references: Vec<ReferenceLine>,
}

impl Plot<'_> {
    /// The distance of a value from the top, in pixels.
    pub(super) fn top(&self, value: f64) -> f64 {
        (1.0 - self.y.share(value)) * self.height
    }

    /// The picture with these marks.
    pub(super) fn drawn(&self, marks: &Markup) -> Markup {
        let bottom = self.height;
        let (head, references) = references(self.x, &self.references, bottom);
        html! {
            div.plot {
                p.axis-title { (self.y.title(self.titles.1)) }
                svg width="100%" height=(head + bottom + TICK_ROOM) role="img" aria-label=(self.label) {
                    g transform=(format!("translate(0 {head})")) {
                        @for tick in &self.y.ticks {
                            @let y = format!("{:.1}", self.top(tick.value));
                            g class=[tick.is_minor.then_some("minor")] {
                                line.grid x1="0" x2="100%" y1=(y) y2=(y) {}
                                text.tick x="-8" y=(y) dy="4" text-anchor="end" { (tick.label) }
                            }
                        }
                        (x_ticks(self.x, bottom))
                        (references)
                        (marks)
                    }
                }
                @if !self.titles.0.is_empty() { p.axis-title.x { (self.x.title(self.titles.0)) } }
            }
        }
    }

    /// A line through these points, broken where one has no value. `kind` is its class.
    pub(super) fn line(&self, points: &[(f64, Option<f64>)], kind: &str, is_stepped: bool) -> Markup {
        let mut path = String::new();
        let mut is_drawing = false;
        for (x, y) in points {
            let Some(y) = y else {
                is_drawing = false;
                continue;
            };
            let (x, y) = (self.x.share(*x) * 1e3, (1.0 - self.y.share(*y)) * 1e3);
            // Writing to a string cannot fail.
            let _ = match (is_drawing, is_stepped) {
                (false, _) => write!(path, "M{x:.2} {y:.2}"),
                (true, true) => write!(path, "H{x:.2}V{y:.2}"),
                (true, false) => write!(path, "L{x:.2} {y:.2}"),
            };
            is_drawing = true;
        }
        self.stretched(&html! { path class=(format!("curve {kind}")) d=(path) {} })
    }

    /// Shapes in units of a thousandth of the area, which are stretched with it.
    pub(super) fn stretched(&self, shapes: &Markup) -> Markup {
        html! {
            svg.stretched x="0" y="0" width="100%" height=(self.height) viewBox="0 0 1000 1000" preserveAspectRatio="none" {
                (shapes)
            }
        }
    }
}

/// The references that the axis has, as lines from the top down to `bottom` with their names above, each in a row of its own; and
/// the room that the names take, in pixels.
pub(super) fn references(axis: &Axis, all: &[ReferenceLine], bottom: f64) -> (f64, Markup) {
    let within: Vec<&ReferenceLine> = all.iter().filter(|reference| axis.has(reference.value)).collect();
    let lines = html! {
        @for (row, reference) in within.iter().enumerate() {
            @let share = axis.share(reference.value);
            @let (x, y) = (percent(share), -REFERENCE_GAP - REFERENCE_ROW * row as f64);
            @let (dx, anchor) = if share > 0.5 { ("-4", "end") } else { ("4", "start") };
            g.mark {
                title { (reference.name) ": " (reference.reason) }
                line.reference x1=(x) x2=(x) y1=(y - 9.0) y2=(bottom) data-reference=(reference.value) {}
                text.reference x=(x) dx=(dx) y=(y) text-anchor=(anchor) { (reference.name) }
            }
        }
    };
    let gap = if within.is_empty() { 0.0 } else { REFERENCE_GAP - 4.0 };
    (gap + REFERENCE_ROW * within.len() as f64, lines)
}

/// The ticks of an axis across, with vertical grid lines up to the top.
pub(super) fn x_ticks(axis: &Axis, bottom: f64) -> Markup {
    html! {
        @for tick in &axis.ticks {
            @let share = axis.share(tick.value);
            @let x = percent(share);
            g class=[tick.is_minor.then_some("minor")] {
                line.grid.upright x1=(x) x2=(x) y1="0" y2=(bottom) {}
                text.tick x=(x) y=(bottom + 17.0) text-anchor=(anchor(share)) { (tick.label) }
            }
        }
    }
}

/// A row of a list of marks: its name, its value at the other end, and below them the mark.
pub(super) struct Row<'a> {
    /// Its place in the list.
    pub(super) at: usize,
    /// Its name.
    pub(super) name: &'a str,
    /// Its value in words.
    pub(super) value: &'a str,
}

impl Row<'_> {
    /// Height of a row, in pixels.
    pub(super) const HEIGHT: f64 = 40.0;

    /// The distance of the marks from the top of the picture, in pixels.
    pub(super) fn mark(&self) -> f64 {
        Self::HEIGHT * self.at as f64 + 26.0
    }

    /// The row with its mark and its hover text.
    pub(super) fn drawn(&self, hover: &str, mark: &Markup) -> Markup {
        let top = Self::HEIGHT * self.at as f64;
        let label = top + 14.0;
        html! {
            g.mark {
                title { (safe(self.name)) ": " (safe(hover)) }
                rect.row x="0" width="100%" y=(top) height=(Self::HEIGHT) {}
                text.name x="0" y=(label) { (safe(self.name)) }
                text.value x="100%" y=(label) text-anchor="end" { (safe(self.value)) }
                (mark)
            }
        }
    }
}

/// How much of a picture the label above a bar may need in a narrow window.
const LABEL_ROOM: f64 = 0.6;

/// The label above a bar from one share of the picture to another: from its start or up to its end, wherever there is room.
pub(super) fn bar_label(label: &str, (from, to): (f64, f64), top: f64) -> Markup {
    let (x, anchor) = if from <= 1.0 - LABEL_ROOM {
        (from, "start")
    } else if to >= LABEL_ROOM {
        (to, "end")
    } else {
        (1.0 - LABEL_ROOM, "start")
    };
    html! { text.name x=(percent(x)) y=(top - 5.0) text-anchor=(anchor) { (label) } }
}

/// Labels at the ends of an axis stay inside the picture.
pub(super) fn anchor(share: f64) -> &'static str {
    match share {
        share if share < 0.02 => "start",
        share if share > 0.98 => "end",
        _ => "middle",
    }
}
