//! Columns that llama-bench does not have: loading, memory and state of placements. They follow its own.

use super::super::error::ReportError;
use super::read::{BenchConditions, BenchPlan};
use super::row::BenchRow;
use crate::record::{Case, Run, TokenTest};
use crate::text;

const MIB: f64 = 1_048_576.0;

/// The columns, in their order.
pub(super) const COLUMNS: [&str; 11] = [
    "n_threads_batch",
    "load_ms",
    "ttft_ms",
    "itl_p50_ms",
    "itl_p99_ms",
    "rss_anon_mib",
    "vram_mib",
    "vram_projected_mib",
    "tokens_per_joule",
    "status",
    "error",
];

/// llama-bench's columns that are empty for a placement without figures.
const FIGURES: [&str; 5] = ["test_time", "avg_ns", "stddev_ns", "avg_ts", "stddev_ts"];

/// The layers of a case that is a placement; `None` for all others.
fn placement(case: &Case) -> Option<i64> {
    case.path.strip_prefix("placement/ngl=")?.parse().ok()
}

/// Whether the run has placements.
pub(super) fn are_there(run: &Run) -> bool {
    run.cases.iter().any(|case| placement(case).is_some())
}

/// The values of a measured row.
pub(super) fn cells(run: &Run, row: &BenchRow) -> Vec<String> {
    let layers = row.conditions.n_gpu_layers;
    let placed = run.cases.iter().find(|case| placement(case) == layers && layers.is_some());
    let test = match row.conditions.test {
        TokenTest::Prompt => "idle/pp",
        TokenTest::Generation => "idle/tg",
    };
    let is_speed = |case: &&Case| {
        case.path.starts_with(test) && case.conditions.get("n_gpu_layers").and_then(serde_json::Value::as_i64) == layers
    };
    values(placed, run.cases.iter().find(is_speed), row.conditions.n_threads)
}

/// The placements without figures: a row of llama-bench's columns without the figures, and the values that follow.
pub(super) fn without_figures(run: &Run, rows: &[BenchRow]) -> Result<Vec<(BenchRow, Vec<String>)>, ReportError> {
    let plan = BenchPlan::of(run)?;
    let has_row = |layers| rows.iter().any(|row| row.conditions.n_gpu_layers == Some(layers));
    let threads = run.plan.get("n_threads").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let placements = run.cases.iter().filter_map(|case| Some((placement(case)?, case)));
    let missing = placements.filter(|(layers, _)| !has_row(*layers));
    Ok(missing
        .map(|(layers, case)| {
            let conditions = BenchConditions {
                test: TokenTest::Prompt,
                n_tokens: 0,
                n_depth: 0,
                n_threads: threads,
                n_gpu_layers: Some(layers),
                prio: 0,
                wait: None,
                test_time: run.started,
                samples_ns: Vec::new(),
            };
            (BenchRow::of(conditions, plan.clone()), values(Some(case), None, threads))
        })
        .collect())
}

/// Whether that column is a figure, which a placement that was not measured does not have.
pub(super) fn is_figure(column: &str) -> bool {
    FIGURES.contains(&column)
}

fn values(placed: Option<&Case>, speed: Option<&Case>, threads: u64) -> Vec<String> {
    let figure = |case: Option<&Case>, name: &str, divisor: f64| {
        let value = case.and_then(|case| case.metric(name)).and_then(|metric| metric.value);
        value.map_or_else(String::new, |value| format!("{:.3}", value / divisor))
    };
    let text = |key: &str| {
        let value = placed.and_then(|case| case.conditions.get(key)).and_then(serde_json::Value::as_str);
        text::line(value.unwrap_or_default()).into_owned()
    };
    // The driver's figure for the process; if there is none, the size of ggml's buffers.
    let by_driver = figure(placed, "vram_process", MIB);
    let held = figure(placed, "vram_buffers", MIB);
    vec![
        threads.to_string(),
        figure(placed, "load", 1.0),
        figure(speed, "ttft", 1.0),
        figure(speed, "itl_p50", 1.0),
        figure(speed, "itl_p99", 1.0),
        figure(placed, "rss_anon", MIB),
        if by_driver.is_empty() { held } else { by_driver },
        figure(placed, "vram_projected", MIB),
        figure(placed, "tokens_per_joule", 1.0),
        text("status"),
        text("error"),
    ]
}
