//! `workly-perf pipeline-worker`: the process of a wait policy.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::request::{answer, first_request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::studies::pipeline::{ResponderSetup, serve_responder};
use crate::term::Printer;

/// Reads the set-up, then one request after another, and prints the answers.
pub(crate) fn run(printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let setup: ResponderSetup = first_request("set-up of a responder", "pipeline")?;
    serve_responder(&setup, |told| answer(told, printer), stop)?;
    Ok(Exit::Done)
}
