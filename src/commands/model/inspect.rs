//! `workly-perf model inspect`: shows a model file's header.

use std::sync::atomic::AtomicBool;

use super::super::report::show;
use super::pages;
use crate::cli::{InspectArgs, ModelFormat};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::{GpuProfile, ModelFacts, ModelFiles, check_soundness};
use crate::studies::setup::ready;
use crate::term::Printer;

pub(super) fn run(args: &InspectArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let file = ready(&args.model, &printer, stop)?;
    let files = ModelFiles::open(&file)?;
    let facts = ModelFacts::of_files(&files, GpuProfile::built_in())?;
    if let Err(fault) = check_soundness(&file, &files.header) {
        printer.warning(&format!("{}: {fault}; no command can run this model", file.display()));
    }
    let text = match args.format {
        ModelFormat::Table => pages::facts(&facts, &file.display().to_string(), printer.width()),
        ModelFormat::Json => pages::json(&facts)?,
    };
    show(&text, printer)?;
    Ok(Exit::Done)
}
