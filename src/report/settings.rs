//! The table of a `recommend` run: one row per setting, instead of the tables of figures.

use serde_json::Value;

use super::figure;
use super::metric_tables::MetricTable;
use super::outline::TableColumn;
use crate::record::{Case, Run};

/// The table, for a run of `recommend`.
pub(super) fn grid(run: &Run) -> Option<MetricTable> {
    if run.command != "recommend" || run.cases.is_empty() {
        return None;
    }
    let column = |heading: &str, expendable| TableColumn { heading: heading.into(), numeric: false, expendable };
    Some(MetricTable {
        title: "Settings".into(),
        columns: vec![
            column("setting", 0),
            column("value", 0),
            column("obeyed by", 0),
            column("the app uses", 0),
            column("basis", 0),
            column("confidence", 0),
            column("figure", 2),
            column("next best", 1),
        ],
        rows: run.cases.iter().map(row).collect(),
        remarks: vec![
            "In brackets: 95 % confidence interval. \"unchanged\": nothing will be written. \"launch\": in effect if \
                       workly-perf launch has started the application. A setting that nobody obeys yet has no effect."
                .into(),
        ],
    })
}

/// What a run of `recommend` chose by measurement, in a sentence: `Measured here: n_threads = 1, n_threads_batch = 2.` Without any, what it
/// chose at all.
pub(super) fn chosen(run: &Run) -> Option<String> {
    if run.command != "recommend" {
        return None;
    }
    let chosen = |is_measured: bool| {
        let is_such = |case: &&Case| !is_measured || case.conditions["basis"] == "measured";
        let cases = run.cases.iter().filter(|case| !case.conditions["value"].is_null()).filter(is_such);
        cases.map(|case| format!("{} = {}", case.path, plain(&case.conditions["value"]))).collect::<Vec<_>>().join(", ")
    };
    match (chosen(true), chosen(false)) {
        (measured, _) if !measured.is_empty() => Some(format!("Measured here: {measured}.")),
        (_, all) if !all.is_empty() => Some(format!("By rules, without a measurement: {all}.")),
        _ => None,
    }
}

fn row(case: &Case) -> Vec<String> {
    let of = |key: &str| &case.conditions[key];
    let is_kept = of("value").is_null();
    let value = if is_kept { "unchanged".into() } else { plain(of("value")) };
    let unless_kept = |text: String| {
        if is_kept && of("evidence").as_array().is_none_or(Vec::is_empty) { String::new() } else { text }
    };
    let sure = plain(of("confidence")).replace('_', " ");
    vec![
        case.path.clone(),
        value,
        obeyed_by(of("obeyed_by")),
        if of("application").is_null() { String::new() } else { plain(of("application")) },
        unless_kept(plain(of("basis"))),
        unless_kept(sure),
        figure_of(case),
        next_best(of("margin")),
    ]
}

/// Who acts on the setting; empty for records that do not state it.
fn obeyed_by(value: &Value) -> String {
    match value.as_str() {
        Some("nobody") => "nobody yet".into(),
        Some("launcher") => "launch".into(),
        Some(who) => format!("the {who}"),
        None => String::new(),
    }
}

/// A value as people write it: text without quotes.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), String::from)
}

/// The first figure behind the setting; a projection has no samples.
fn figure_of(case: &Case) -> String {
    let Some(metric) = case.metrics.first() else { return String::new() };
    let text = format!("{} {}", metric.name, figure::with_interval(metric));
    if case.conditions["basis"] == "measured" { format!("{text} (n {})", metric.n) } else { text }
}

fn next_best(margin: &Value) -> String {
    let (Some(share), Some(n)) = (margin["share"].as_f64(), margin["n"].as_u64()) else { return String::new() };
    let interval = margin["interval"].as_array().map_or_else(String::new, |ends| {
        let end = |at: usize| ends.get(at).and_then(Value::as_f64).unwrap_or(f64::NAN) * 100.0;
        format!(" [{:.1}, {:.1}]", end(0), end(1))
    });
    format!("{}: {:.1} %{interval} of it (n {n})", plain(&margin["runner_up"]), share * 100.0)
}
