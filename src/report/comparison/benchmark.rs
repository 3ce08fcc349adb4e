//! The figures of NEW in the formats of benchmark trackers.

use serde_json::{Map, Value, json};

use super::words::name;
use crate::compare::{Comparison, Judgement};
use crate::plural::counted;
use crate::record::Direction;

/// The medians over the runs of NEW in the format of github-action-benchmark (`customSmallerIsBetter`,
/// `customBiggerIsBetter`): those figures for which `better` is better. Missing figures are omitted, never 0; `None` if
/// all are missing, because the action fails on an empty list.
#[must_use]
pub(crate) fn benchmark(comparison: &Comparison, better: Direction) -> Option<String> {
    let given = comparison.judgements.iter().filter(|judgement| judgement.direction == better);
    let entries: Vec<Value> = given
        .filter_map(|judgement| {
            Some(json!({
                "name": format!("{} {}", judgement.command, name(judgement)),
                "unit": judgement.unit,
                "value": judgement.new?,
                "extra": extra(judgement, comparison),
            }))
        })
        .collect();
    (!entries.is_empty()).then(|| format!("{:#}\n", Value::Array(entries)))
}

fn extra(judgement: &Judgement, comparison: &Comparison) -> String {
    let mut lines = vec![format!("median of {}", counted(judgement.runs.1, "run"))];
    lines.extend(comparison.simulated.iter().map(|what| format!("SIMULATED: {what}")));
    lines.join("\n")
}

/// The medians over the runs of NEW in Bencher Metric Format: benchmark, measure, value. The measure includes the unit,
/// so that two units of one metric are never mixed. `None` if there is no figure.
#[must_use]
pub(crate) fn bencher(comparison: &Comparison) -> Option<String> {
    let mut benchmarks = Map::new();
    for judgement in &comparison.judgements {
        let Some(value) = judgement.new else { continue };
        let measures = benchmarks
            .entry(format!("{} {}", judgement.command, judgement.case))
            .or_insert_with(|| Value::Object(Map::new()));
        measures[format!("{} ({})", judgement.metric, judgement.unit)] = json!({ "value": value });
    }
    (!benchmarks.is_empty()).then(|| format!("{:#}\n", Value::Object(benchmarks)))
}
