//! Changes with their intervals, one below the other around no change.

use maud::{Markup, html};

use super::axis::{Axis, Tick, percent};
use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::plot::{Row, x_ticks};
use crate::record::{BeforeAfterRow, MeasuredRow, RowChange, Run};
use crate::report::before_after;
use crate::report::html::safe;

/// Ratios within these limits are drawn on a linear axis.
const NEARLY_THE_SAME: std::ops::RangeInclusive<f64> = 0.6..=1.6;

/// What a change means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum ChangeMeaning {
    /// Better, and significant.
    Better,
    /// Worse, and significant.
    Worse,
    /// No difference shown, or not known.
    Open,
}

impl ChangeMeaning {
    fn class(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Open => "open",
        }
    }
}

/// One change.
pub(in crate::report) struct DrawnChange {
    /// The figure's name in the record, for the data attributes.
    pub(in crate::report) figure: String,
    /// Its display name.
    pub(in crate::report) name: String,
    /// The change: a ratio, or a difference in percentage points.
    pub(in crate::report) value: f64,
    /// Its interval.
    pub(in crate::report) interval: Option<(f64, f64)>,
    /// The same in words.
    pub(in crate::report) words: String,
    /// What it means.
    pub(in crate::report) meaning: ChangeMeaning,
    /// The verdict in words.
    pub(in crate::report) verdict: String,
}

/// What changes are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum ChangeScale {
    /// After over before: no change is 1.
    Ratio,
    /// After minus before, in percentage points: no change is 0.
    Points,
}

/// The changes of a before/after table.
pub(super) fn before_after(run: &Run) -> Option<Picture> {
    let rows = run.cases.iter().find_map(BeforeAfterRow::of)?;
    let measured: Vec<&MeasuredRow> = rows
        .iter()
        .filter_map(|row| match row {
            BeforeAfterRow::Measured(row) => Some(row),
            BeforeAfterRow::Stated(_) => None,
        })
        .collect();
    let of = |is_ratio: bool| -> Vec<DrawnChange> {
        let is_of = |row: &&&MeasuredRow| matches!(row.change, RowChange::Ratio(_)) == is_ratio;
        measured.iter().filter(is_of).map(|row| change(row)).collect()
    };
    let (ratios, points) = (of(true), of(false));
    if ratios.is_empty() && points.is_empty() {
        return None;
    }
    Some(Picture {
        title: "What changed".into(),
        reading:
            "After relative to before; lines: 95 % intervals. An interval that crosses no change shows no difference."
                .into(),
        legend: legend(),
        drawing: html! { (forest(&ratios, ChangeScale::Ratio, None)) (forest(&points, ChangeScale::Points, None)) },
        table: before_after::grid(run)?,
    })
}

fn change(row: &MeasuredRow) -> DrawnChange {
    let (RowChange::Ratio(value) | RowChange::Difference(value)) = row.change;
    let meaning = match row.verdict.as_str() {
        "improved" => ChangeMeaning::Better,
        "worse" | "regressed" => ChangeMeaning::Worse,
        _ => ChangeMeaning::Open,
    };
    DrawnChange {
        figure: row.figure.clone(),
        name: row.meaning.clone(),
        value,
        interval: row.interval,
        words: before_after::change(row),
        meaning,
        verdict: row.verdict.clone(),
    }
}

/// The legend of a forest plot.
pub(in crate::report) fn legend() -> Vec<LegendEntry> {
    [("better", "improved"), ("worse", "worse"), ("open hollow", "no difference shown, or not known")]
        .map(|(class, text)| LegendEntry::new(Swatch::Dot, class, text))
        .into()
}

/// The plot; nothing without changes. `margin` is the largest change that still counts as the same, as a share.
pub(in crate::report) fn forest(changes: &[DrawnChange], scale: ChangeScale, margin: Option<f64>) -> Markup {
    // A ratio of 0 or below has no place on a logarithmic axis: it stands in the table.
    let changes: Vec<&DrawnChange> =
        changes.iter().filter(|change| scale == ChangeScale::Points || lowest(change) > 0.0).collect();
    if changes.is_empty() {
        return Markup::default();
    }
    let place = ChangeAxis::of(&changes, scale);
    let bottom = Row::HEIGHT * changes.len() as f64 + 4.0;
    let none = place.share(if scale == ChangeScale::Ratio { 1.0 } else { 0.0 });
    html! {
        div.plot.flush.forest {
            svg width="100%" height=(bottom + 24.0) role="img" aria-label=(format!("{} changes with their intervals", changes.len())) {
                @if let Some(margin) = margin {
                    @let (from, to) = (place.share(1.0 - margin), place.share(1.0 + margin));
                    rect.same x=(percent(from)) width=(percent(to - from)) y="0" height=(bottom) data-margin=(margin) {
                        title { (format!("counts as the same: within ±{:.1} %", margin * 100.0)) }
                    }
                }
                (x_ticks(&place.axis, bottom))
                line.none x1=(percent(none)) x2=(percent(none)) y1="0" y2=(bottom) {}
                @for (at, change) in changes.iter().enumerate() { (row(change, &place, at, scale)) }
            }
            p.axis-title.x { (if scale == ChangeScale::Ratio { "change" } else { "change in percentage points" }) }
        }
    }
}

fn lowest(change: &DrawnChange) -> f64 {
    change.interval.map_or(change.value, |(low, _)| low.min(change.value))
}

fn row(change: &DrawnChange, place: &ChangeAxis, at: usize, scale: ChangeScale) -> Markup {
    let x = percent(place.share(change.value));
    let class = change.meaning.class();
    let hollow = if change.meaning == ChangeMeaning::Open { " hollow" } else { "" };
    let ends = change.interval.map(|(low, high)| (place.share(low), place.share(high)));
    let row = Row { at, name: &change.name, value: &change.words };
    let y = row.mark();
    row.drawn(
        &format!("{}, {}", change.words, change.verdict),
        &html! {
            @if let Some((low, high)) = ends {
                line class=(format!("interval {class}")) x1=(percent(low)) x2=(percent(high)) y1=(y) y2=(y) {}
            }
            circle class=(format!("dot {class}{hollow}")) cx=(x) cy=(y) r="5.5" data-figure=(safe(&change.figure))
                data-scale=(if scale == ChangeScale::Ratio { "ratio" } else { "points" }) data-value=(change.value)
                data-low=[change.interval.map(|(low, _)| low)] data-high=[change.interval.map(|(_, high)| high)]
                data-verdict=(safe(&change.verdict)) {}
        },
    )
}

/// The axis of the changes, which for small ratios is in percent.
struct ChangeAxis {
    axis: Axis,
    /// Whether the axis is of percentages of ratios.
    in_percent: bool,
}

impl ChangeAxis {
    fn of(changes: &[&DrawnChange], scale: ChangeScale) -> Self {
        let all = || {
            changes.iter().flat_map(|change| {
                let (low, high) = change.interval.unwrap_or((change.value, change.value));
                [change.value, low, high]
            })
        };
        if scale == ChangeScale::Points {
            return Self { axis: Axis::linear(all().chain([0.0]), ""), in_percent: false };
        }
        if all().all(|ratio| NEARLY_THE_SAME.contains(&ratio)) {
            let mut axis = Axis::linear(all().map(in_percent).chain([0.0]), "%");
            for tick in &mut axis.ticks {
                let sign = if tick.value > 0.0 { "+" } else { "" };
                tick.label = format!("{sign}{} %", tick.label.replace('-', "−"));
            }
            return Self { axis, in_percent: true };
        }
        let (low, high) = all().fold((1.0_f64, 1.0_f64), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
        let steps: Vec<f64> = [1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0]
            .into_iter()
            .flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * power))
            .collect();
        let below = |limit: f64| steps.iter().copied().rfind(|step| *step <= limit).unwrap_or(limit);
        let above = |limit: f64| steps.iter().copied().find(|step| *step >= limit).unwrap_or(limit);
        let (from, to) = (below(low), above(high));
        let within: Vec<f64> = steps.iter().copied().filter(|step| (from..=to).contains(step)).collect();
        let is_minor = |step: f64| within.len() > 5 && (step.log10() - step.log10().round()).abs() > 1e-9;
        let ticks =
            within.iter().map(|step| Tick { value: *step, label: ratio_label(*step), is_minor: is_minor(*step) });
        Self { axis: Axis::log_with(from, to, ticks.collect()), in_percent: false }
    }

    fn share(&self, value: f64) -> f64 {
        self.axis.share(if self.in_percent { in_percent(value) } else { value })
    }
}

fn in_percent(ratio: f64) -> f64 {
    100.0 * (ratio - 1.0)
}

/// A ratio as the change that it is: `−50 %`, `+100 %`, `×10`.
fn ratio_label(ratio: f64) -> String {
    match ratio {
        ratio if (ratio - 1.0).abs() < 1e-9 => "0 %".into(),
        ratio if ratio >= 9.0 => format!("×{ratio:.0}"),
        ratio if ratio > 1.0 => format!("+{:.0} %", in_percent(ratio)),
        ratio => {
            let change = format!("{:.1}", -in_percent(ratio));
            format!("−{} %", change.trim_end_matches(".0"))
        }
    }
}
