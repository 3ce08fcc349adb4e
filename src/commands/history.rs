//! `workly-perf history`: figures of many runs over time.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::report::show;
use crate::cli::HistoryArgs;
use crate::compare::{FigureSelection, FigureSeries, WideRow, series, wide_rows};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plural::{counted, verb_for};
use crate::record::{RecordError, RecordFolder, read_runs};
use crate::replacing::write_named;
use crate::report::{self, HISTORY_FORMATS, HistoryPage, exporter_of};
use crate::term::Printer;

pub(super) fn run(args: &HistoryArgs, printer: Printer) -> Result<Exit, Failure> {
    if let Some(folder) = &args.split {
        let rows = match wide_file(&args.runs)? {
            Some(rows) => rows,
            None => wide_rows(&read(args, printer)?.0),
        };
        split(&rows, folder, printer)?;
        return Ok(Exit::Done);
    }
    let (series, remarks) = read(args, printer)?;
    let page = HistoryPage { series: &series, remarks: &remarks, width: printer.width() };
    show(&exporter_of(HISTORY_FORMATS, args.format)?.export(&page)?, printer)?;
    Ok(Exit::Done)
}

fn unrenderable(detail: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Bug, anyhow::anyhow!("cannot render the history: {detail}"))
}

/// The selected series, with remarks.
fn read(args: &HistoryArgs, printer: Printer) -> Result<(Vec<FigureSeries>, Vec<String>), Failure> {
    let selections: Vec<FigureSelection> = args.metrics.iter().map(|text| FigureSelection::of(text)).collect();
    let saved = read_runs(&args.runs, &|name| selections.iter().any(|selection| selection.takes(name)))?;
    saved.left_out.iter().for_each(|sentence| printer.warning(sentence));
    let series = series(&saved.runs, &selections, args.min_effect);
    if series.iter().all(|series| series.points.is_empty()) {
        let error = anyhow::anyhow!(
            "none of {} has a figure for {}",
            counted(saved.runs.len(), "run"),
            args.metrics.join(", ")
        );
        return Err(Failure::new(Exit::Failed, error)
            .hint("select others with --metrics; runs of schema 1.0 do not record when they were measured"));
    }
    let nameless = saved.runs.iter().filter(|run| run.origin.is_none()).count();
    let remark = format!(
        "Omitted: {} of schema 1.0, which {} not record when and where {} measured.",
        counted(nameless, "run"),
        verb_for(&nameless, "does", "do"),
        verb_for(&nameless, "it was", "they were")
    );
    Ok((series, (nameless > 0).then_some(remark).into_iter().collect()))
}

/// The rows of a history that `compare` wrote; `None` for anything else.
fn wide_file(path: &Path) -> Result<Option<Vec<WideRow>>, Failure> {
    if path.is_dir() {
        return Ok(None);
    }
    // Text in another encoding is left to the reader of runs, which reports the error.
    let Some(text) = fs::read_to_string(path).ok().filter(|text| report::is_wide(text)) else { return Ok(None) };
    report::read_wide(&text).map(Some).map_err(|detail| {
        let error = anyhow::anyhow!("{} is not a history: {detail}", path.display());
        Failure::new(Exit::Unreadable, error).hint("correct the row, or remove it")
    })
}

/// Writes the rows as files without empty cells, and prints their names.
fn split(rows: &[WideRow], folder: &Path, printer: Printer) -> Result<(), Failure> {
    let folder = RecordFolder::create(folder).map_err(|error| match error {
        error @ (RecordError::NotEmpty { .. } | RecordError::NotAFolder { .. }) => {
            Failure::new(Exit::Usage, error.into()).hint("give a new folder with --split")
        }
        error => error.into(),
    })?;
    let mut lines = Vec::new();
    let mut taken: HashMap<String, usize> = HashMap::new();
    for (command, rows) in report::without_gaps(rows) {
        let path = folder.path().join(file_name(&command, &mut taken));
        let text = report::wide("", &rows).map_err(unrenderable)?;
        write_named(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(|error| Failure::new(Exit::Unreadable, error))?;
        let figures = rows.first().map_or(0, |row| row.values.len());
        lines.push(format!("{}: {} x {}", path.display(), counted(figures, "figure"), counted(rows.len(), "row")));
    }
    show(&lines.join("\n"), printer)
}

/// `ipc.csv`, `ipc-2.csv` …
fn file_name(command: &str, taken: &mut HashMap<String, usize>) -> PathBuf {
    let stem: String = command.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let count = taken.entry(stem.clone()).or_insert(0);
    *count += 1;
    if *count == 1 { format!("{stem}.csv").into() } else { format!("{stem}-{count}.csv").into() }
}
