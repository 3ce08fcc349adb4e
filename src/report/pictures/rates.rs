//! The search for the highest rate: what the bridge answered of each offered rate, and how late.

use maud::{Markup, html};

use super::axis::Axis;
use super::legend::{LegendEntry, Swatch, coloured};
use super::picture::Picture;
use super::plot::{Plot, ReferenceLine};
use crate::plural::counted;
use crate::record::{Case, Metric, Run};
use crate::report::figure;
use crate::report::html::safe;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;

/// Heights of the plots, in pixels.
const ANSWERED: f64 = 200.0;
const LATENCY: f64 = 260.0;

/// One step of the search.
struct DrawnRate<'a> {
    case: &'a Case,
    reply: &'a str,
    offered: &'a Metric,
    offered_per_s: f64,
    is_sustained: bool,
}

impl<'a> DrawnRate<'a> {
    fn of(case: &'a Case) -> Option<Self> {
        let offered = case.metric("offered")?;
        Some(Self {
            case,
            reply: case.conditions["ack"].as_str()?,
            offered,
            offered_per_s: offered.value.filter(|rate| *rate > 0.0)?,
            is_sustained: case.conditions["held"].as_bool()?,
        })
    }

    /// A figure in its unit, if it has a value.
    fn figure(&self, name: &str) -> Option<(&'a Metric, f64)> {
        let metric = self.case.metric(name)?;
        Some((metric, metric.value?))
    }

    /// Answered messages of those that were offered, in percent.
    fn answered(&self) -> Option<(&'a Metric, f64)> {
        let (goodput, per_s) = self.figure("goodput")?;
        Some((goodput, 100.0 * per_s / self.offered_per_s))
    }

    fn class(&self) -> String {
        class_of(self.reply, 0)
    }
}

/// The class of the marks of a kind of reply.
fn class_of(reply: &str, dashes: usize) -> String {
    coloured(usize::from(reply == "applied"), dashes)
}

/// The picture of a run of `ipc --find-max-rate`.
pub(super) fn picture(run: &Run) -> Option<Picture> {
    let steps: Vec<DrawnRate> = run.cases.iter().filter_map(DrawnRate::of).collect();
    if steps.is_empty() {
        return None;
    }
    let rates = Axis::log_rate(steps.iter().map(|step| step.offered_per_s), "1/s");
    let mut replies: Vec<&str> = Vec::new();
    for step in &steps {
        if !replies.contains(&step.reply) {
            replies.push(step.reply);
        }
    }
    let results: Vec<&Case> = run.cases.iter().filter(|case| case.metric("max_rate").is_some()).collect();
    let mut legend: Vec<LegendEntry> =
        replies.iter().map(|reply| LegendEntry::new(Swatch::Dot, class_of(reply, 0), *reply)).collect();
    legend.push(LegendEntry::new(Swatch::Dot, "open hollow", "not sustained"));
    Some(Picture {
        title: "The highest rate that the bridge sustains".into(),
        reading: "Each point is one step of the search. Where a bridge no longer keeps up, it answers less than was offered, and \
                  latencies rise. Dotted lines: the highest rate that was sustained and confirmed."
            .into(),
        legend,
        drawing: html! {
            (answered(&rates, &steps, &results))
            (latencies(&rates, &steps, &replies))
        },
        table: table(&steps, &results),
    })
}

/// The highest rates that were sustained.
fn sustained(results: &[&Case]) -> Vec<ReferenceLine> {
    let found = results.iter().filter_map(|case| {
        let metric = case.metric("max_rate")?;
        let reply = case.path.split('/').next().unwrap_or_default();
        Some(ReferenceLine {
            value: metric.value?,
            name: format!("{reply} {}", figure::alone(metric)),
            reason: "the highest rate that was sustained, and confirmed".into(),
        })
    });
    found.collect()
}

fn answered(rates: &Axis, steps: &[DrawnRate<'_>], results: &[&Case]) -> Markup {
    let shares = steps.iter().filter_map(|step| Some(step.answered()?.1));
    let share = Axis::linear(shares.chain([100.0, 95.0]), "%");
    let plot = Plot {
        x: rates,
        y: &share,
        height: ANSWERED,
        titles: ("messages offered, logarithmic", "of them answered"),
        label: format!("Share answered in {}", counted(steps.len(), "step")),
        references: sustained(results),
    };
    plot.drawn(&html! {
        @for step in steps {
            @if let Some((goodput, percent)) = step.answered() { (dot(&plot, step, goodput, percent)) }
        }
    })
}

fn latencies(rates: &Axis, steps: &[DrawnRate<'_>], replies: &[&str]) -> Markup {
    const NAMES: [&str; 2] = ["latency_p50", "latency_p99"];
    let all = steps.iter().flat_map(|step| NAMES.into_iter().filter_map(|name| Some(step.figure(name)?.1)));
    let latency = Axis::log_time(all, "ms");
    let plot = Plot {
        x: rates,
        y: &latency,
        height: LATENCY,
        titles: ("messages offered, logarithmic", "latency, logarithmic: medians solid, p99 dashed"),
        label: format!("Latencies in {}", counted(steps.len(), "step")),
        references: Vec::new(),
    };
    let lines =
        replies.iter().flat_map(|reply| NAMES.into_iter().enumerate().map(move |(at, name)| (*reply, at, name)));
    plot.drawn(&html! {
        @for (reply, dashes, name) in lines {
            (plot.line(&ramp(steps, reply, name), &class_of(reply, dashes), false))
        }
        @for step in steps {
            @for name in NAMES {
                @if let Some((metric, ms)) = step.figure(name) { (dot(&plot, step, metric, ms)) }
            }
        }
    })
}

/// The steps of the ramp with one kind of reply, whose rates rise.
fn ramp(steps: &[DrawnRate<'_>], reply: &str, name: &str) -> Vec<(f64, Option<f64>)> {
    let ramp = steps.iter().filter(|step| step.reply == reply && step.case.conditions["phase"] == "ramp");
    ramp.map(|step| (step.offered_per_s, step.figure(name).map(|(_, ms)| ms))).collect()
}

/// A figure of a step at a height of the plot.
fn dot(plot: &Plot<'_>, step: &DrawnRate<'_>, metric: &Metric, height: f64) -> Markup {
    let class = step.class() + if step.is_sustained { "" } else { " hollow" };
    html! {
        g.mark {
            title { (safe(&step.case.path)) ", " (metric.name) ": " (figure::with_interval(metric)) ", n " (figure::count(metric.n)) }
            circle class=(format!("dot {class}")) cx=(plot.x.percent(step.offered_per_s)) cy=(format!("{:.1}", plot.top(height)))
                r="4.5" data-case=(safe(&step.case.path)) data-metric=(metric.name) data-value=[metric.value]
                data-low=[metric.ci_low] data-high=[metric.ci_high] data-x-metric="offered" data-x-value=[step.offered.value] {}
        }
    }
}

fn table(steps: &[DrawnRate<'_>], results: &[&Case]) -> MetricTable {
    let row = |step: &DrawnRate<'_>| {
        let cell = |name: &str| step.case.metric(name).map_or_else(|| figure::NOTHING.to_owned(), figure::alone);
        let mut cells = vec![step.case.path.clone()];
        cells.extend(["offered", "goodput", "latency_p50", "latency_p99"].map(cell));
        cells.push(if step.is_sustained { "yes" } else { "no" }.into());
        cells
    };
    let remark = |case: &&Case| {
        let words = |name: &str| case.metric(name).filter(|metric| metric.value.is_some()).map(figure::alone);
        let max_rate = words("max_rate")?;
        let fails = words("fails_from").map_or_else(String::new, |rate| format!(", fails from {rate} on"));
        Some(format!("{}: sustains {max_rate}{fails}.", case.path))
    };
    MetricTable {
        title: String::new(),
        columns: vec![
            TableColumn::kept("step", false),
            TableColumn::kept("offered", true),
            TableColumn::kept("answered", true),
            TableColumn::kept("p50", true),
            TableColumn::kept("p99", true),
            TableColumn::kept("sustained", false),
        ],
        rows: steps.iter().map(row).collect(),
        remarks: results.iter().filter_map(remark).collect(),
    }
}
