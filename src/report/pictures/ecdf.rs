//! Latency distributions: shares of the samples up to each latency, and percentiles in the manner of `HdrHistogram`.

use hdrhistogram::Histogram;
use maud::{Markup, html};

use super::axis::{Axis, Tick};
use super::legend::{LegendEntry, Swatch, coloured, series_class};
use super::picture::Picture;
use super::plot::{Plot, ReferenceLine};
use crate::plural::{counted, noun_for};
use crate::record::{Case, Metric, Run};
use crate::report::figure;
use crate::report::html::{Distribution, safe};
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;

/// Height of the plots, in pixels.
const HEIGHT: f64 = 300.0;

/// Cases that are drawn, at most.
const SHOWN: usize = 12;

/// Points of a curve, at most.
const POINTS: usize = 300;

/// The percentiles that are marked on the curves.
const MARKED: [&str; 4] = ["p50", "p90", "p99", "p99.9"];

/// What every reader of latencies to Unity must tell apart, in nanoseconds.
const DELAYED_ACK_NS: f64 = 40e6;
const WINDOWS_TICK_NS: f64 = 15.6e6;

/// The latencies of one case.
struct LatencyCurve<'a> {
    case: &'a Case,
    histogram: &'a Histogram<u64>,
    class: String,
}

/// The distributions of all cases that have a histogram.
pub(super) fn pictures(run: &Run, histograms: &[Distribution]) -> Vec<Picture> {
    let curves = curves(run, histograms);
    if curves.is_empty() {
        return Vec::new();
    }
    let ends = || curves.iter().flat_map(|curve| [curve.histogram.min() as f64, curve.histogram.max() as f64]);
    let latency = Axis::log_time(ends(), "ns");
    let legend = || {
        let entry = |curve: &LatencyCurve| {
            let samples = curve.histogram.len();
            let n = format!("{}, {} {}", curve.case.path, figure::count(samples), noun_for(&samples, "sample"));
            LegendEntry::new(Swatch::Line, curve.class.clone(), n)
        };
        curves.iter().map(entry).collect::<Vec<_>>()
    };
    vec![cumulative(run, &curves, &latency, legend()), percentiles(&curves, &latency, legend())]
}

fn curves<'a>(run: &'a Run, histograms: &'a [Distribution]) -> Vec<LatencyCurve<'a>> {
    let found = histograms.iter().filter_map(|(path, histogram)| {
        let case = run.cases.iter().find(|case| case.path == *path)?;
        Some((case, histogram.as_ref().ok().filter(|histogram| !histogram.is_empty())?))
    });
    let mut loads: Vec<&str> = Vec::new();
    found
        .take(SHOWN)
        .enumerate()
        .map(|(at, (case, histogram))| {
            // Received and applied are told apart by colour, loads by dashes.
            let class = match (case.conditions["ack"].as_str(), case.conditions["load"].as_str()) {
                (Some(ack @ ("received" | "applied")), Some(load)) => {
                    let place = loads.iter().position(|known| *known == load).unwrap_or_else(|| {
                        loads.push(load);
                        loads.len() - 1
                    });
                    coloured(usize::from(ack == "applied"), place)
                }
                _ => series_class(at),
            };
            LatencyCurve { case, histogram, class }
        })
        .collect()
}

/// The distribution functions.
fn cumulative(run: &Run, curves: &[LatencyCurve<'_>], latency: &Axis, legend: Vec<LegendEntry>) -> Picture {
    let tick = |percent: u32| Tick { value: f64::from(percent) / 100.0, label: percent.to_string(), is_minor: false };
    let mut share = Axis::linear_with(0.0, 1.0, [0, 25, 50, 75, 100].map(tick).into());
    share.unit = "%".into();
    let plot = Plot {
        x: latency,
        y: &share,
        height: HEIGHT,
        titles: ("latency, logarithmic", "samples up to this latency"),
        label: format!("Distribution of the latencies of {}", counted(curves.len(), "case")),
        references: references(run),
    };
    let marks = html! { @for curve in curves { (cumulative_curve(&plot, curve)) } };
    Picture {
        title: "How the latencies are distributed".into(),
        reading: "Each curve rises to 100 % where its slowest sample is; a steep curve is a steady latency. Dots: the record's percentiles."
            .into(),
        legend,
        drawing: plot.drawn(&marks),
        table: table(curves, &[("p50 [95 %]", "p50", figure::with_interval), ("mean ± sd", "mean", figure::with_spread)]),
    }
}

fn cumulative_curve(plot: &Plot<'_>, curve: &LatencyCurve<'_>) -> Markup {
    let n = curve.histogram.len() as f64;
    let start = (curve.histogram.min() as f64, Some(0.0));
    let mut below = 0;
    let rising = curve.histogram.iter_recorded().map(|step| {
        below += step.count_at_value();
        (step.value_iterated_to() as f64, Some(below as f64 / n))
    });
    let points: Vec<_> = std::iter::once(start).chain(rising).collect();
    html! {
        g.mark {
            (caption(curve))
            (plot.line(&thinned(&points), &curve.class, true))
        }
        @for (metric, p, ns) in marked(curve.case) {
            (dot(curve, metric, (plot.x.percent(ns), plot.top(p))))
        }
    }
}

/// The percentiles over the share of slower samples.
fn percentiles(curves: &[LatencyCurve<'_>], latency: &Axis, legend: Vec<LegendEntry>) -> Picture {
    let most = curves.iter().map(|curve| curve.histogram.len()).max().unwrap_or(1) as f64;
    let powers =
        std::iter::successors(Some(1.0), |power| Some(power * 10.0)).take_while(|power| *power <= most.max(10.0));
    let tick = |power: f64| Tick { value: power, label: percentile_label(power), is_minor: false };
    let slower = Axis::log_with(1.0, most.max(10.0), powers.map(tick).collect());
    let plot = Plot {
        x: &slower,
        y: latency,
        height: HEIGHT,
        titles: ("percentile, each step a tenth of the samples before", "latency, logarithmic"),
        label: format!("Percentiles of the latencies of {}", counted(curves.len(), "case")),
        references: Vec::new(),
    };
    let marks = html! { @for curve in curves { (percentile_curve(&plot, curve)) } };
    let alone = figure::alone as fn(&Metric) -> String;
    Picture {
        title: "The slow end: latency by percentile".into(),
        reading: "Steps to the right are the rarer, slower samples. A curve ends at its largest sample; percentiles that need more samples have no dot."
            .into(),
        legend,
        drawing: plot.drawn(&marks),
        table: table(curves, &[("p90", "p90", alone), ("p99", "p99", alone), ("max", "max", alone)]),
    }
}

fn percentile_curve(plot: &Plot<'_>, curve: &LatencyCurve<'_>) -> Markup {
    let n = curve.histogram.len();
    let mut below = 0;
    let points: Vec<_> = curve
        .histogram
        .iter_recorded()
        .map(|step| {
            let at = n as f64 / (n - below) as f64;
            below += step.count_at_value();
            (at, Some(step.value_iterated_to() as f64))
        })
        .collect();
    html! {
        g.mark {
            (caption(curve))
            (plot.line(&thinned(&points), &curve.class, true))
        }
        @for (metric, p, ns) in marked(curve.case) {
            (dot(curve, metric, (plot.x.percent(1.0 / (1.0 - p)), plot.top(ns))))
        }
    }
}

/// 1 is `0 %`, 10 `90 %`, 1000 `99.9 %`.
fn percentile_label(power: f64) -> String {
    if power < 2.0 {
        return "0 %".into();
    }
    let nines = "9".repeat(format!("{power:.0}").len() - 1);
    match nines.split_at_checked(2) {
        Some((first, "")) => format!("{first} %"),
        Some((first, rest)) => format!("{first}.{rest} %"),
        None => "90 %".into(),
    }
}

/// At most so many points, the last one among them.
fn thinned(points: &[(f64, Option<f64>)]) -> Vec<(f64, Option<f64>)> {
    let step = points.len().div_ceil(POINTS).max(1);
    let last = points.len().saturating_sub(1);
    let keep = |at: usize| at.is_multiple_of(step) || at == last;
    points.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, point)| *point).collect()
}

/// The percentiles that the record has of a case: the figure, its share, and its value in nanoseconds.
fn marked(case: &Case) -> Vec<(&Metric, f64, f64)> {
    let found = MARKED.iter().filter_map(|name| {
        let metric = case.metric(name)?;
        Some((metric, figure::percentile(name)?, metric.value? * figure::ns_per(&metric.unit)?))
    });
    found.collect()
}

fn caption(curve: &LatencyCurve<'_>) -> Markup {
    let samples = curve.histogram.len();
    html! { title { (safe(&curve.case.path)) ", " (figure::count(samples)) " " (noun_for(&samples, "sample")) } }
}

fn dot(curve: &LatencyCurve<'_>, metric: &Metric, (x, y): (String, f64)) -> Markup {
    html! {
        g.mark {
            title { (safe(&curve.case.path)) " " (metric.name) ": " (figure::with_interval(metric)) }
            circle class=(format!("dot {}", curve.class)) cx=(x) cy=(format!("{y:.1}")) r="4" data-case=(safe(&curve.case.path))
                data-metric=(metric.name) data-value=[metric.value] data-low=[metric.ci_low] data-high=[metric.ci_high] {}
        }
    }
}

/// The frame period if a case is locked onto it, and two delays that are often taken for the bridge's.
fn references(run: &Run) -> Vec<ReferenceLine> {
    let locked = run.cases.iter().find(|case| {
        case.conditions["ack"] == "applied" && case.notes.iter().any(|note| note.contains("this is the frame period"))
    });
    let frame_ns = locked.and_then(|case| {
        let median = case.metric("p50")?;
        Some(median.value? * figure::ns_per(&median.unit)?)
    });
    let reference = |value: f64, name: &str, reason: &str| ReferenceLine {
        value,
        name: format!("{name} {}", figure::value(value, "ns")),
        reason: reason.into(),
    };
    let mut references = vec![
        reference(DELAYED_ACK_NS, "delayed acknowledgement", "where replies wait for TCP's delayed acknowledgement"),
        reference(WINDOWS_TICK_NS, "Windows timer", "the default period of timers and sleeps on Windows"),
    ];
    references.extend(frame_ns.map(|ns| reference(ns, "frame", "the frame period that the locked closed loop shows")));
    references
}

/// A column of the table: its heading, its metric, and how that is written.
type TableFigure<'a> = (&'a str, &'a str, fn(&Metric) -> String);

fn table(curves: &[LatencyCurve<'_>], figures: &[TableFigure<'_>]) -> MetricTable {
    let mut columns = vec![TableColumn::kept("case", false)];
    columns.extend(figures.iter().map(|(heading, ..)| TableColumn::kept(*heading, true)));
    let row = |curve: &LatencyCurve<'_>| {
        let cell = |(_, name, text): &TableFigure<'_>| {
            curve.case.metric(name).map_or_else(|| figure::NOTHING.to_owned(), text)
        };
        std::iter::once(curve.case.path.clone()).chain(figures.iter().map(cell)).collect()
    };
    MetricTable { title: String::new(), columns, rows: curves.iter().map(row).collect(), remarks: Vec::new() }
}
