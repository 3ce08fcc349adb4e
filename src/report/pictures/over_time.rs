//! Quantities over a case: for memory with the robust line of its growth and the band of that line's interval.

use maud::{Markup, html};

use super::axis::Axis;
use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::plot::Plot;
use crate::plural::counted;
use crate::record::{Case, Run, Timeline, TimelineSeries};
use crate::report::figure;
use crate::report::html::safe;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;
use crate::report::timeline::shown;
use crate::stats::median_of;

/// Heights of the plots, in pixels: of the quantity that is judged, and of the others.
const MAIN: f64 = 260.0;
const OTHER: f64 = 110.0;

/// The quantity that a leak is judged on.
const JUDGED: &str = "anonymous";

/// The robust slope of a quantity over its case, in its unit per unit of time.
struct DrawnSlope {
    /// The point that the line goes through: the medians of the points that it was fitted to.
    through: (f64, f64),
    /// From here on the points were used.
    since: f64,
    slope: f64,
    interval: (f64, f64),
}

impl DrawnSlope {
    fn of(case: &Case, timeline: &Timeline, series: &TimelineSeries) -> Option<Self> {
        let leak = &case.conditions["leak"];
        let growth = case.metric("growth")?;
        // Slopes per minute are drawn over seconds.
        let per_unit = match (growth.unit.as_str(), timeline.along.as_str()) {
            ("bytes/message", "message") => 1.0,
            ("bytes/minute", "s") => 60.0,
            _ => return None,
        };
        let number = |value: &serde_json::Value| value.as_f64();
        let since = number(&leak["since"])? * per_unit;
        let points = timeline.at.iter().zip(&series.values).filter(|(at, _)| **at >= since);
        let (at, values): (Vec<f64>, Vec<f64>) = points.filter_map(|(at, value)| Some((*at, (*value)?))).unzip();
        let slope = growth.value? / per_unit;
        let middle = median_of(&at)?;
        let residues: Vec<f64> = at.iter().zip(&values).map(|(at, value)| value - slope * (at - middle)).collect();
        Some(Self {
            through: (middle, median_of(&residues)?),
            since,
            slope,
            interval: (growth.ci_low? / per_unit, growth.ci_high? / per_unit),
        })
    }

    fn at(&self, at: f64, slope: f64) -> f64 {
        self.through.1 + slope * (at - self.through.0)
    }
}

/// The timelines of all cases that have one.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    run.cases.iter().filter_map(picture).collect()
}

fn picture(case: &Case) -> Option<Picture> {
    let timeline = Timeline::of(case)?;
    let drawn: Vec<&TimelineSeries> =
        shown(&timeline).filter(|series| series.values.iter().flatten().next().is_some()).collect();
    let judged =
        drawn.iter().find(|series| series.name == JUDGED).and_then(|series| DrawnSlope::of(case, &timeline, series));
    let mut legend = Vec::new();
    if let Some(growth) = &judged {
        let slope = case.metric("growth").map(figure::with_interval).unwrap_or_default();
        legend = vec![
            LegendEntry::new(Swatch::Line, "s1", "as read"),
            LegendEntry::new(
                Swatch::Line,
                "robust",
                format!("robust slope {slope}, from {} {:.0} on", timeline.along, growth.since),
            ),
            LegendEntry::new(Swatch::Area, "band", "its 95 % interval"),
        ];
    }
    let drawing = html! {
        @for series in &drawn {
            (plotted(case, &timeline, series, judged.as_ref().filter(|_| series.name == JUDGED)))
        }
    };
    (!drawn.is_empty()).then(|| Picture {
        title: format!("Over time: {}", case.path),
        reading: if judged.is_some() {
            "A leak would show as a line that keeps rising; steps that end are caches that filled. The vertical axes do not start at 0."
        } else {
            "Each quantity as it was read. The vertical axes do not start at 0."
        }
        .into(),
        legend,
        drawing,
        table: table(&drawn),
    })
}

fn plotted(case: &Case, timeline: &Timeline, series: &TimelineSeries, growth: Option<&DrawnSlope>) -> Markup {
    let ends = (timeline.at[0], timeline.at[timeline.at.len() - 1]);
    let x = Axis::linear([ends.0, ends.1], if timeline.along == "s" { "s" } else { "" });
    let lines = growth.into_iter().flat_map(|growth| {
        [growth.since, ends.1]
            .into_iter()
            .flat_map(|at| [growth.interval.0, growth.interval.1].map(|slope| growth.at(at, slope)))
    });
    let y = Axis::linear(series.values.iter().flatten().copied().chain(lines), &series.unit);
    let along = if timeline.along == "s" { "time" } else { &timeline.along };
    let plot = Plot {
        x: &x,
        y: &y,
        height: if series.name == JUDGED { MAIN } else { OTHER },
        titles: (along, &series.name),
        label: format!("{} of {} over {}", series.name, case.path, counted(timeline.at.len(), "point")),
        references: Vec::new(),
    };
    let points: Vec<(f64, Option<f64>)> = timeline.at.iter().copied().zip(series.values.iter().copied()).collect();
    let marks = html! {
        @if let Some(growth) = growth { (band(&plot, growth, ends.1)) }
        g.mark data-case=(safe(&case.path)) data-series=(safe(&series.name)) data-points=(points.len())
            data-first=[series.values.iter().flatten().next()] data-last=[series.values.iter().flatten().next_back()]
            data-min=[extreme(series, f64::min)] data-max=[extreme(series, f64::max)] {
            title { (safe(&series.name)) ": " (range(series)) }
            (plot.line(&points, "s1", false))
        }
        @if let Some(growth) = growth { (robust_line(&plot, case, growth, ends.1)) }
    };
    plot.drawn(&marks)
}

fn band(plot: &Plot<'_>, growth: &DrawnSlope, end: f64) -> Markup {
    let corner = |at: f64, slope: f64| {
        format!("{:.2} {:.2}", plot.x.share(at) * 1e3, (1.0 - plot.y.share(growth.at(at, slope))) * 1e3)
    };
    let (low, high) = growth.interval;
    let middle = growth.through.0;
    // The lines of both ends of the interval cross where the points are: an hourglass.
    let path = format!(
        "M{}L{}L{}L{}L{}L{}Z",
        corner(growth.since, low),
        corner(middle, low),
        corner(end, low),
        corner(end, high),
        corner(middle, high),
        corner(growth.since, high)
    );
    plot.stretched(&html! { path.band d=(path) {} })
}

fn robust_line(plot: &Plot<'_>, case: &Case, growth: &DrawnSlope, end: f64) -> Markup {
    let metric = case.metric("growth");
    let y = |at: f64| format!("{:.1}", plot.top(growth.at(at, growth.slope)));
    html! {
        g.mark {
            title { "robust slope: " (metric.map(figure::with_interval).unwrap_or_default()) }
            line class="curve robust" x1=(plot.x.percent(growth.since)) y1=(y(growth.since)) x2=(plot.x.percent(end)) y2=(y(end))
                data-case=(safe(&case.path)) data-metric="growth" data-value=[metric.and_then(|metric| metric.value)]
                data-low=[metric.and_then(|metric| metric.ci_low)] data-high=[metric.and_then(|metric| metric.ci_high)] {}
        }
    }
}

fn extreme(series: &TimelineSeries, choose: fn(f64, f64) -> f64) -> Option<f64> {
    series.values.iter().flatten().copied().reduce(choose)
}

fn range(series: &TimelineSeries) -> String {
    let written = |value: Option<f64>| {
        value.map_or_else(|| figure::NOTHING.to_owned(), |value| figure::value(value, &series.unit))
    };
    format!("{} to {}", written(extreme(series, f64::min)), written(extreme(series, f64::max)))
}

fn table(drawn: &[&TimelineSeries]) -> MetricTable {
    let row = |series: &&TimelineSeries| {
        let written = |value: Option<&f64>| {
            value.map_or_else(|| figure::NOTHING.to_owned(), |value| figure::value(*value, &series.unit))
        };
        let extremes = [extreme(series, f64::min), extreme(series, f64::max)];
        let [least, most] = extremes.map(|value| written(value.as_ref()));
        vec![series.name.clone(), least, most, written(series.values.iter().flatten().next_back())]
    };
    MetricTable {
        title: String::new(),
        columns: vec![
            TableColumn::kept("quantity", false),
            TableColumn::kept("least", true),
            TableColumn::kept("most", true),
            TableColumn::kept("last", true),
        ],
        rows: drawn.iter().map(row).collect(),
        remarks: Vec::new(),
    }
}
