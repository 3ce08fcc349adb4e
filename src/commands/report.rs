//! `workly-perf report`: shows a saved run again.

use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::cli::ReportArgs;
use crate::exit::Exit;
use crate::failure::Failure;
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, LogLevel};
use crate::record::{self, RecordFolder, Run};
use crate::report::{
    Detail, Distribution, Format, RUN_FORMATS, RunExporter, RunPage, SAVED_FORMATS, TOKEN_FORMATS, exporter_of,
};
use crate::studies::{FinishedRun, Recorder, RunVerdict};
use crate::term::Printer;

pub(super) fn run(args: &ReportArgs, printer: Printer) -> Result<Exit, Failure> {
    let run = RecordFolder::read(&args.run)?;
    show(&rendered(&run, args.format, printer, &|| distributions(&args.run, &run, printer))?, printer)?;
    Ok(Exit::Done)
}

/// The latencies of each case. If one cannot be read, the page only lacks its plot.
fn distributions(path: &Path, run: &Run, printer: Printer) -> Vec<Distribution> {
    let totals = record::read_totals(path, run, "latency");
    let told = totals.into_iter().map(|(case, total)| {
        let total = total.map_err(|error| error.to_string());
        if let Err(reason) = &total {
            printer.warning(&format!("no plot of {case}: {reason}"));
        }
        (case, total)
    });
    told.collect()
}

/// The run in a format. What that format cannot show is printed as warnings.
fn rendered(
    run: &Run,
    format: Format,
    printer: Printer,
    distributions: &dyn Fn() -> Vec<Distribution>,
) -> Result<String, Failure> {
    let detail = if printer.is_verbose() { Detail::All } else { Detail::Figures };
    let page = RunPage { run, width: printer.width(), detail, distributions };
    let exporter = exporter_of_run(format)?;
    exporter.left_out(&page).iter().for_each(|sentence| printer.warning(sentence));
    Ok(exporter.export(&page)?)
}

fn exporter_of_run(format: Format) -> Result<&'static RunExporter, Failure> {
    Ok(exporter_of(RUN_FORMATS.into_iter().chain(TOKEN_FORMATS).chain(SAVED_FORMATS), format)?)
}

/// Facts that have no record: as a table, or as JSON for programs.
pub(super) fn facts(format: Format, facts: &impl Serialize, table: impl FnOnce() -> String) -> Result<String, Failure> {
    if format != Format::Json {
        return Ok(table());
    }
    serde_json::to_string_pretty(facts)
        .context("cannot write facts as JSON")
        .map_err(|error| Failure::new(Exit::Bug, error))
}

/// Shows a run that has ended: its result on standard output, what that format cannot show on standard error, then the
/// record's folder. Returns the exit code of the run.
pub(super) fn show_finished(finished: &FinishedRun, format: Format, printer: Printer) -> Result<Exit, Failure> {
    if !exporter_of_run(format)?.has_warnings() {
        finished.recorder.run.warnings.iter().for_each(|warning| printer.warning(warning));
    }
    show_record(&finished.recorder, format, printer)?;
    Ok(match finished.outcome()? {
        Some(RunVerdict::Done) => Exit::Done,
        Some(RunVerdict::Negative) => Exit::Negative,
        None => Exit::Interrupted,
    })
}

/// Stores llama.cpp's log in the record, and prints it if requested.
#[cfg(feature = "llama")]
pub(super) fn keep_engine_log(finished: &FinishedRun, printer: Printer) -> Result<(), Failure> {
    let log = finished.recorder.log(Backend::start()?, LogLevel::Info);
    if printer.is_verbose() {
        for line in &log {
            printer.note(line);
        }
    }
    Ok(())
}

/// Writes a run's result to standard output, and prints its record's folder; then fails if the record is incomplete.
pub(super) fn show_record(recorder: &Recorder, format: Format, printer: Printer) -> Result<(), Failure> {
    show(&rendered(&recorder.run, format, printer, &Vec::new)?, printer)?;
    printer.record(recorder.path());
    Ok(recorder.settle()?)
}

/// Writes a result to standard output.
pub(super) fn show(text: &str, printer: Printer) -> Result<(), Failure> {
    shown(printer.data(text))
}

/// The same for a result with styles of its own that is otherwise safe.
pub(super) fn show_styled(text: &str, printer: Printer) -> Result<(), Failure> {
    shown(printer.styled(text))
}

fn shown(written: std::io::Result<()>) -> Result<(), Failure> {
    written.context("cannot write to standard output").map_err(|error| Failure::new(Exit::Unreadable, error))
}
