//! `workly-perf report`: shows a saved run again.

use std::path::Path;

use anyhow::Context;

use crate::cli::{Format, RenderFormat, ReportArgs, TokenFormat};
use crate::exit::Exit;
use crate::failure::Failure;
#[cfg(feature = "llama")]
use crate::llm::engine::{Backend, LogLevel};
use crate::record::{self, RecordFolder, Run};
use crate::report;
use crate::studies::{FinishedRun, Recorder, RunVerdict};
use crate::term::Printer;
use crate::text;

pub(super) fn run(args: &ReportArgs, printer: Printer) -> Result<Exit, Failure> {
    let run = RecordFolder::read(&args.run)?;
    let text = match args.format {
        RenderFormat::Html => report::html(&run, &distributions(&args.run, &run, printer)),
        RenderFormat::Table => rendered(&run, Format::Table, printer)?,
        RenderFormat::Md => rendered(&run, Format::Md, printer)?,
        RenderFormat::Csv => rendered(&run, Format::Csv, printer)?,
        RenderFormat::Json => rendered(&run, Format::Json, printer)?,
        RenderFormat::LlamaBench => rendered_tokens(&run, TokenFormat::LlamaBench, printer)?,
        RenderFormat::LlamaBenchCsv => rendered_tokens(&run, TokenFormat::LlamaBenchCsv, printer)?,
    };
    show(&text, printer)?;
    Ok(Exit::Done)
}

/// The latencies of each case. If one cannot be read, the page only lacks its plot.
fn distributions(path: &Path, run: &Run, printer: Printer) -> Vec<report::Distribution> {
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

/// The run in one of the formats of all measuring commands.
pub(super) fn rendered(run: &Run, format: Format, printer: Printer) -> Result<String, Failure> {
    Ok(match format {
        Format::Table => report::table(run, printer.width()),
        Format::Md => report::markdown(run),
        Format::Csv => text_of(|text| record::write_csv(text, run))?,
        Format::Json => text_of(|text| record::write_json(text, run))?,
    })
}

/// The same for commands that measure tokens. What llama-bench's columns cannot show is printed separately.
pub(super) fn rendered_tokens(run: &Run, format: TokenFormat, printer: Printer) -> Result<String, Failure> {
    let plain = match format {
        TokenFormat::Table => Format::Table,
        TokenFormat::Md => Format::Md,
        TokenFormat::Csv => Format::Csv,
        TokenFormat::Json => Format::Json,
        TokenFormat::LlamaBench | TokenFormat::LlamaBenchCsv => {
            for sentence in report::llama_bench_left_out(run) {
                printer.warning(&sentence);
            }
            let is_table = format == TokenFormat::LlamaBench;
            return Ok(if is_table { report::llama_bench_markdown(run)? } else { report::llama_bench_csv(run)? });
        }
    };
    rendered(run, plain, printer)
}

fn text_of(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Result<String, Failure> {
    let mut text = Vec::new();
    write(&mut text).context("cannot render the run").map_err(|error| Failure::new(Exit::Bug, error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The output format of a measuring command.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rendering {
    /// A format of all commands.
    Plain(Format),
    /// A format of commands that measure tokens.
    #[cfg_attr(not(feature = "llama"), allow(dead_code))] // Only builds that run models measure tokens.
    Tokens(TokenFormat),
}

impl Rendering {
    fn text(self, run: &Run, printer: Printer) -> Result<String, Failure> {
        match self {
            Self::Plain(format) => rendered(run, format, printer),
            Self::Tokens(format) => rendered_tokens(run, format, printer),
        }
    }

    /// Whether the text has the run's warnings. Machine-readable formats do not.
    fn has_warnings(self) -> bool {
        matches!(self, Self::Plain(Format::Table | Format::Md) | Self::Tokens(TokenFormat::Table | TokenFormat::Md))
    }
}

/// Shows a run that has ended: its result on standard output, what that format cannot show on standard error, then the record's
/// folder. Returns the exit code of the run.
pub(super) fn show_finished(finished: &FinishedRun, rendering: Rendering, printer: Printer) -> Result<Exit, Failure> {
    let run = &finished.recorder.run;
    if !rendering.has_warnings() {
        run.warnings.iter().for_each(|warning| printer.warning(warning));
    }
    show_record(&finished.recorder, &rendering.text(run, printer)?, printer)?;
    Ok(match finished.outcome()? {
        Some(RunVerdict::Done) => Exit::Done,
        Some(RunVerdict::Negative) => Exit::Negative,
        None => Exit::Interrupted,
    })
}

/// Stores llama.cpp's log in the record, and prints it if requested.
#[cfg(feature = "llama")]
pub(super) fn keep_engine_log(finished: &FinishedRun, verbose: bool, printer: Printer) -> Result<(), Failure> {
    let log = finished.recorder.log(Backend::start()?, LogLevel::Info);
    if verbose {
        for line in &log {
            printer.note(line);
        }
    }
    Ok(())
}

/// Writes a run's result to standard output, and prints its record's folder; then fails if the record is incomplete.
pub(super) fn show_record(recorder: &Recorder, text: &str, printer: Printer) -> Result<(), Failure> {
    show(text, printer)?;
    printer.note(&format!("record: {}", text::path(recorder.path())));
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
