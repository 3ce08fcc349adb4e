//! `workly-perf history`: figures of many runs over time.

use super::failure::Failure;
use super::report::show;
use crate::cli::{HistoryArgs, HistoryFormat};
use crate::compare::{Selection, runs_of, series, wide_rows};
use crate::exit::Exit;
use crate::plural::{counted, verb_for};
use crate::record::read_rows;
use crate::report;
use crate::term::Printer;

pub(super) fn run(args: &HistoryArgs, printer: Printer) -> Result<Exit, Failure> {
    let runs = runs_of(read_rows(&args.runs)?);
    let selections: Vec<Selection> = args.metrics.iter().map(|text| Selection::of(text)).collect();
    let series = series(&runs, &selections, args.min_effect);
    if series.iter().all(|series| series.points.is_empty()) {
        let error =
            anyhow::anyhow!("none of {} has a figure of {}", counted(runs.len(), "run"), args.metrics.join(", "));
        return Err(Failure::new(Exit::Failed, error)
            .hint("choose others with --metrics; runs of schema 1.0 do not say when they were"));
    }
    let nameless = runs.iter().filter(|run| run.origin.is_none()).count();
    let remarks: Vec<String> = (nameless > 0)
        .then(|| {
            format!(
                "Left out: {} of schema 1.0, which {} not say when and where {} measured.",
                counted(nameless, "run"),
                verb_for(&nameless, "does", "do"),
                verb_for(&nameless, "it was", "they were")
            )
        })
        .into_iter()
        .collect();
    let text = match args.format {
        HistoryFormat::Table => report::history_table(&series, &remarks, printer.width()),
        HistoryFormat::Md => report::history_markdown(&series, &remarks),
        HistoryFormat::Json => format!("{:#}\n", serde_json::json!({"schema": "1.0", "series": series})),
        HistoryFormat::Csv => report::wide("", &wide_rows(&series))
            .map_err(|detail| Failure::new(Exit::Bug, anyhow::anyhow!("cannot render the history: {detail}")))?,
    };
    show(&text, printer)?;
    Ok(Exit::Done)
}
