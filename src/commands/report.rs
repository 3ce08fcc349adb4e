//! `workly-perf report`: a saved run, shown again.

use anyhow::Context;

use super::failure::Failure;
use crate::cli::{RenderFormat, ReportArgs};
use crate::exit::Exit;
use crate::record::{self, RecordFolder, Run};
use crate::report;
use crate::term::Printer;

pub(super) fn run(args: &ReportArgs, printer: Printer) -> Result<Exit, Failure> {
    let run = RecordFolder::read(&args.run)?;
    let text = match args.format {
        RenderFormat::Html => report::html(&run, &RecordFolder::read_totals(&args.run, &run, "latency")?),
        RenderFormat::Table => rendered(&run, crate::cli::Format::Table, printer)?,
        RenderFormat::Md => rendered(&run, crate::cli::Format::Md, printer)?,
        RenderFormat::Csv => rendered(&run, crate::cli::Format::Csv, printer)?,
        RenderFormat::Json => rendered(&run, crate::cli::Format::Json, printer)?,
    };
    show(&text, printer)?;
    Ok(Exit::Done)
}

/// The run in one of the formats that every measuring command can print.
pub(super) fn rendered(run: &Run, format: crate::cli::Format, printer: Printer) -> Result<String, Failure> {
    use crate::cli::Format;
    Ok(match format {
        Format::Table => report::table(run, printer.width()),
        Format::Md => report::markdown(run),
        Format::Csv => text_of(|text| record::write_csv(text, run))?,
        Format::Json => text_of(|text| record::write_json(text, run))?,
    })
}

fn text_of(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Result<String, Failure> {
    let mut text = Vec::new();
    write(&mut text).context("cannot render the run").map_err(|error| Failure::new(Exit::Bug, error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Writes a result to standard output.
pub(super) fn show(text: &str, printer: Printer) -> Result<(), Failure> {
    printer.data(text).context("cannot write to standard output").map_err(|error| Failure::new(Exit::Unreadable, error))
}
