//! `workly-perf model inspect`: what a header tells.

use std::sync::atomic::AtomicBool;

use super::super::failure::Failure;
use super::super::report::show;
use super::pages;
use super::ready::ready;
use crate::cli::{InspectArgs, ModelFormat};
use crate::exit::Exit;
use crate::llm::gguf::Gguf;
use crate::llm::{GpuProfile, ModelFacts};
use crate::term::Printer;

pub(super) fn run(args: &InspectArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let file = ready(&args.model, printer, stop)?;
    let facts = ModelFacts::of(&Gguf::open(&file)?, GpuProfile::built_in())?;
    let text = match args.format {
        ModelFormat::Table => pages::facts(&facts, &file.display().to_string(), printer.width()),
        ModelFormat::Json => pages::json(&facts)?,
    };
    show(&text, printer)?;
    Ok(Exit::Done)
}
