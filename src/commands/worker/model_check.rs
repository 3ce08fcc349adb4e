//! `workly-perf model-check`: the process that tests a model.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::request::{answer, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::studies::model_check::{ModelCheckRequest, answer_model_check};
use crate::term::Printer;

/// Reads the request, tests the model, prints the result as the last line.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let task: ModelCheckRequest = request("model check", "any command that runs a model", stop)?;
    answer_model_check(&task, |told| answer(told, printer), stop)?;
    Ok(Exit::Done)
}
