//! Ways to send the same commands, by their mean latency: `ipc --reaction`, `--batch`, `--mode`, `--tcp` and `--codec`.

use maud::{Markup, html};

use super::axis::Axis;
use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::plot::{Row, x_ticks};
use crate::plural::counted;
use crate::record::{Case, Metric, Run};
use crate::report::figure;
use crate::report::html::safe;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;

/// One way that has a mean.
struct DrawnStrategy<'a> {
    case: &'a Case,
    mean: &'a Metric,
}

impl<'a> DrawnStrategy<'a> {
    fn of(case: &'a Case) -> Option<Self> {
        case.conditions["way"].as_str()?;
        Some(Self { case, mean: case.metric("mean").filter(|mean| mean.value.is_some())? })
    }

    fn is_baseline(&self) -> bool {
        self.case.conditions["baseline"].is_null()
    }

    fn mean_ms(&self) -> f64 {
        self.mean.value.unwrap_or_default()
    }
}

/// The picture of a run that compares ways.
pub(super) fn picture(run: &Run) -> Option<Picture> {
    let ways: Vec<DrawnStrategy> = run.cases.iter().filter_map(DrawnStrategy::of).collect();
    if ways.len() < 2 {
        return None;
    }
    // Encodings have a baseline for each message.
    let baseline = match ways.iter().filter(|way| way.is_baseline()).collect::<Vec<_>>()[..] {
        [one] => Some(one),
        _ => None,
    };
    let ends = ways.iter().flat_map(|way| [Some(way.mean_ms()), way.mean.ci_low, way.mean.ci_high]).flatten();
    let axis = Axis::linear(ends.chain([0.0]), &ways[0].mean.unit);
    let bottom = Row::HEIGHT * ways.len() as f64 + 4.0;
    let drawing = html! {
        div.plot.flush.forest {
            svg width="100%" height=(bottom + 24.0) role="img" aria-label=(format!("Mean latency of {}", counted(ways.len(), "way"))) {
                (x_ticks(&axis, bottom))
                @if let Some(baseline) = baseline {
                    @let x = axis.percent(baseline.mean_ms());
                    line.none x1=(x) x2=(x) y1="0" y2=(bottom) {}
                }
                @for (at, way) in ways.iter().enumerate() { (row(&axis, way, at)) }
            }
            p.axis-title.x { (axis.title("mean latency")) }
        }
    };
    Some(Picture {
        title: "Ways to send the same commands".into(),
        reading: match baseline {
            Some(baseline) => {
                format!("Further left is faster. The vertical line is the baseline, {}.", safe(&baseline.case.path))
            }
            None => "Further left is faster. Each message has its own baseline.".into(),
        },
        legend: vec![
            LegendEntry::new(Swatch::Dot, "s1", "a way; bar: 95 % interval"),
            LegendEntry::new(Swatch::Dot, "s2", "a baseline"),
        ],
        drawing,
        table: table(&ways),
    })
}

fn row(axis: &Axis, way: &DrawnStrategy<'_>, at: usize) -> Markup {
    let class = if way.is_baseline() { "s2" } else { "s1" };
    let row = Row { at, name: &way.case.path, value: &figure::with_interval(way.mean) };
    let x = axis.percent(way.mean_ms());
    row.drawn(
        &format!("mean {}, n {}", figure::with_interval(way.mean), figure::count(way.mean.n)),
        &html! {
            @if let (Some(low), Some(high)) = (way.mean.ci_low, way.mean.ci_high) {
                line class=(format!("interval {class}")) x1=(axis.percent(low)) x2=(axis.percent(high)) y1=(row.mark()) y2=(row.mark()) {}
            }
            circle class=(format!("dot {class}")) cx=(x) cy=(row.mark()) r="5.5" data-case=(safe(&way.case.path)) data-metric="mean"
                data-value=[way.mean.value] data-low=[way.mean.ci_low] data-high=[way.mean.ci_high] {}
        },
    )
}

fn table(ways: &[DrawnStrategy<'_>]) -> MetricTable {
    let row = |way: &DrawnStrategy<'_>| {
        let cell = |name: &str| way.case.metric(name).map_or_else(|| figure::NOTHING.to_owned(), figure::with_interval);
        let ratio = if way.is_baseline() { "baseline".into() } else { cell("mean_ratio") };
        vec![way.case.path.clone(), figure::with_interval(way.mean), ratio, figure::count(way.mean.n)]
    };
    MetricTable {
        title: String::new(),
        columns: vec![
            TableColumn::kept("way", false),
            TableColumn::kept("mean [95 %]", true),
            TableColumn::kept("of the baseline [95 %]", true),
            TableColumn::kept("n", true),
        ],
        rows: ways.iter().map(row).collect(),
        remarks: vec!["Intervals are over rounds, in which the ways take turns.".into()],
    }
}
