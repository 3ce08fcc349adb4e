//! What placements take on the GPU, as stacked bars against the memory of GPUs.

use maud::{Markup, html};

use super::axis::{Axis, percent};
use super::legend::{LegendEntry, Swatch};
use super::picture::Picture;
use super::plot::{ReferenceLine, references, x_ticks};
use crate::plural::counted;
use crate::record::{Case, Metric, Run};
use crate::report::figure;
use crate::report::html::safe;
use crate::report::metric_tables::MetricTable;
use crate::report::outline::TableColumn;

/// Heights in pixels: of a placement and its bar, and of a GPU with its name.
const ROW: f64 = 21.0;
const BAR: f64 = 15.0;
const GPU_ROW: f64 = 46.0;

/// Bars that are drawn, at most; the table has all of them.
const MOST_BARS: usize = 100;

/// What a placement takes: the figure in the record, its class, and its name.
const PARTS: [(&str, &str, &str); 3] =
    [("vram_model", "s1", "weights"), ("vram_context", "s3", "KV cache"), ("vram_compute", "s5", "compute buffers")];

/// The pictures of a run of `gpu-profiles`.
pub(super) fn pictures(run: &Run) -> Vec<Picture> {
    if run.command != "gpu-profiles" {
        return Vec::new();
    }
    stacked(run).into_iter().chain(gpus(run)).collect()
}

fn bytes(case: &Case, name: &str) -> f64 {
    case.metric(name).and_then(|metric| metric.value).unwrap_or(0.0)
}

/// Memory that a budget has in all, and how much of it is kept free.
fn budget(case: &Case) -> Option<(f64, f64)> {
    let budget = &case.conditions["budget"];
    Some((budget["total_bytes"].as_f64()?, budget["reserve_bytes"].as_f64()?))
}

/// A bar for each placement: weights, KV cache and buffers.
fn stacked(run: &Run) -> Option<Picture> {
    let layers = |case: &Case| case.path.split_once("/ngl=").map(|(_, layers)| layers.to_owned());
    let whole = |case: &Case| PARTS.iter().map(|(name, ..)| bytes(case, name)).sum::<f64>();
    let placements: Vec<(String, &Case)> = run
        .cases
        .iter()
        .filter(|case| (case.path.starts_with("project/") || case.path.starts_with("placement/")) && whole(case) > 0.0)
        .filter_map(|case| Some((layers(case)?, case)))
        .take(MOST_BARS)
        .collect();
    let most = placements.iter().map(|(_, case)| whole(case)).fold(0.0, f64::max);
    if placements.is_empty() {
        return None;
    }
    // GPUs that are much larger would leave the bars no room.
    let mut limits: Vec<(f64, f64)> =
        run.cases.iter().filter_map(budget).filter(|(total, _)| *total <= most * 1.6).collect();
    limits.sort_by(|a, b| b.0.total_cmp(&a.0));
    limits.dedup();
    let axis = Axis::linear([0.0, most].into_iter().chain(limits.iter().map(|(total, _)| *total)), "bytes");
    let marked: Vec<ReferenceLine> = limits
        .iter()
        .map(|(total, reserve)| ReferenceLine {
            value: total - reserve,
            name: format!("{} GPU", figure::value(*total, "bytes").replace(".000", "")),
            reason: format!("what it has beside a reserve of {}", figure::value(*reserve, "bytes")),
        })
        .collect();
    let bottom = ROW * placements.len() as f64 + 4.0;
    let (head, lines) = references(&axis, &marked, bottom);
    let drawing = html! {
        div.plot {
            p.axis-title { "layers on the GPU" }
            svg width="100%" height=(head + bottom + 24.0) role="img" aria-label=(format!("GPU memory of {}", counted(placements.len(), "placement"))) {
                g transform=(format!("translate(0 {head})")) {
                    (x_ticks(&axis, bottom))
                    @for (at, (layers, case)) in placements.iter().enumerate() { (bar(&axis, (layers, case), ROW * at as f64 + 4.0)) }
                    (lines)
                }
            }
            p.axis-title.x { (axis.title("GPU memory")) }
        }
    };
    Some(Picture {
        title: "What each placement takes on the GPU".into(),
        reading: "Each bar is one number of layers. Dotted lines: the memory of a GPU less the reserve. A placement fits if its bar ends before the line."
            .into(),
        legend: PARTS.iter().map(|(_, class, name)| LegendEntry::new(Swatch::Area, *class, *name)).collect(),
        drawing,
        table: stacked_table(&placements),
    })
}

fn bar(axis: &Axis, (layers, case): (&str, &Case), top: f64) -> Markup {
    let mut until = 0.0;
    let parts = PARTS.iter().filter_map(|(name, class, words)| {
        let metric = case.metric(name)?;
        let from = until;
        until += metric.value?;
        Some((metric, *class, *words, axis.share(from), axis.share(until)))
    });
    let parts: Vec<(&Metric, &str, &str, f64, f64)> = parts.collect();
    html! {
        text.tick x="-8" y=(top + 12.0) text-anchor="end" { (safe(layers)) }
        @for (metric, class, words, from, to) in parts {
            g.mark {
                title { (safe(&case.path)) ", " (words) ": " (figure::alone(metric)) }
                rect class=(format!("part {class}")) x=(percent(from)) y=(top) width=(percent(to - from)) height=(BAR)
                    data-case=(safe(&case.path)) data-metric=(metric.name) data-value=[metric.value] {}
            }
        }
    }
}

fn stacked_table(placements: &[(String, &Case)]) -> MetricTable {
    let column = |heading: &str| TableColumn::kept(heading, true);
    let mut columns = vec![column("layers")];
    columns.extend(PARTS.iter().map(|(.., name)| column(name)));
    let row = |(layers, case): &(String, &Case)| {
        let cell = |name: &str| case.metric(name).map_or_else(|| figure::NOTHING.to_owned(), figure::alone);
        std::iter::once(layers.clone()).chain(PARTS.iter().map(|(name, ..)| cell(name))).collect()
    };
    MetricTable { title: String::new(), columns, rows: placements.iter().map(row).collect(), remarks: Vec::new() }
}

/// What fits each GPU: what the choice takes, what is left, and the reserve.
fn gpus(run: &Run) -> Option<Picture> {
    let gpus: Vec<(&Case, f64, f64)> = run
        .cases
        .iter()
        .filter(|case| case.path.starts_with("card/") && case.metric("vram_projected").is_some())
        .filter_map(|case| budget(case).map(|(total, reserve)| (case, total, reserve)))
        .collect();
    if gpus.is_empty() {
        return None;
    }
    let axis = Axis::linear(gpus.iter().map(|(_, total, _)| *total).chain([0.0]), "bytes");
    let bottom = GPU_ROW * gpus.len() as f64 + 2.0;
    let drawing = html! {
        div.plot.flush {
            svg width="100%" height=(bottom + 24.0) role="img" aria-label="What fits each GPU" {
                (x_ticks(&axis, bottom))
                @for (at, (case, total, reserve)) in gpus.iter().enumerate() { (gpu(&axis, case, (*total, *reserve), GPU_ROW * at as f64)) }
            }
            p.axis-title.x { (axis.title("GPU memory")) }
        }
    };
    Some(Picture {
        title: "What fits each GPU".into(),
        reading: "The frame is all memory of the GPU; the placement is the one with the most layers that leaves the reserve free.".into(),
        legend: vec![
            LegendEntry::new(Swatch::Area, "s1", "the placement"),
            LegendEntry::new(Swatch::Area, "reserve", "reserve for Unity, the desktop and the driver"),
        ],
        drawing,
        table: gpus_table(&gpus),
    })
}

fn gpu_name(case: &Case) -> &str {
    case.path.split_once('/').map_or(case.path.as_str(), |(_, name)| name)
}

fn gpu(axis: &Axis, case: &Case, (total, reserve): (f64, f64), top: f64) -> Markup {
    let taken = axis.share(bytes(case, "vram_projected"));
    let (all, kept) = (axis.share(total), axis.share(total - reserve));
    let label = format!(
        "{}: {:.0} layers, context {}, {}",
        gpu_name(case),
        bytes(case, "layers"),
        case.metric("n_ctx").map(figure::alone).unwrap_or_default(),
        figure::value(bytes(case, "vram_projected"), "bytes")
    );
    let y = top + 22.0;
    html! {
        text.name x="0" y=(top + 15.0) { (safe(&label)) }
        g.mark {
            title { (safe(&label)) }
            rect.part.s1 x="0" y=(y) width=(percent(taken)) height="16" data-case=(safe(&case.path))
                data-metric="vram_projected" data-value=(bytes(case, "vram_projected")) {}
        }
        g.mark {
            title { "reserve: " (figure::value(reserve, "bytes")) }
            rect.reserve x=(percent(kept)) y=(y) width=(percent(all - kept)) height="16" data-reserve-bytes=(reserve) {}
        }
        rect.frame x="0" y=(y) width=(percent(all)) height="16" data-total-bytes=(total) {}
    }
}

fn gpus_table(gpus: &[(&Case, f64, f64)]) -> MetricTable {
    let row = |(case, ..): &(&Case, f64, f64)| {
        let cell = |name: &str| case.metric(name).map_or_else(|| figure::NOTHING.to_owned(), figure::alone);
        let mut cells = vec![gpu_name(case).to_owned()];
        cells.extend(["layers", "vram_projected", "vram_spare"].map(cell));
        cells
    };
    MetricTable {
        title: String::new(),
        columns: vec![
            TableColumn::kept("GPU", false),
            TableColumn::kept("layers", true),
            TableColumn::kept("takes", true),
            TableColumn::kept("left beside the reserve", true),
        ],
        rows: gpus.iter().map(row).collect(),
        remarks: Vec::new(),
    }
}
