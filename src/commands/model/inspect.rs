//! `workly-perf model inspect`: shows a model file's header.

use std::sync::atomic::AtomicBool;

use super::super::report::{facts, show};
use super::pages;
use crate::cli::InspectArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::llm::{GpuProfile, ModelFacts, ModelFiles, check_soundness};
use crate::studies::setup::ready;
use crate::term::Printer;

pub(super) fn run(args: &InspectArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let file = ready(&args.model, &printer, stop)?;
    let files = ModelFiles::open(&file)?;
    let model = ModelFacts::of_files(&files, GpuProfile::built_in())?;
    if let Err(fault) = check_soundness(&file, &files.header) {
        printer.warning(&format!("{}: {fault}; no command can run this model", file.display()));
    }
    let table = || pages::facts(&model, &file.display().to_string(), printer.width());
    show(&facts(args.format, &model, table)?, printer)?;
    Ok(Exit::Done)
}
