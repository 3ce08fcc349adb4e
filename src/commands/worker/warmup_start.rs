//! `workly-perf warmup-start`: the process of one start.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::request::{answer, request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::measure::StartRequest;
use crate::studies::warmup::answer_start;
use crate::term::Printer;

/// Reads the request, and prints a line for each phase and, last, the outcome.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let task: StartRequest = request("start", "warmup", stop)?;
    answer_start(&task, |told| answer(told, printer), stop)?;
    Ok(Exit::Done)
}
