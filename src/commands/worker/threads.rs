//! `workly-perf threads-worker`: the process of a wait policy.

use std::sync::atomic::AtomicBool;

use super::request::{answer, first_request};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::studies::threads::{SweepSetup, serve_sweep};
use crate::term::Printer;

/// Reads the set-up, then one request after another, and prints the results.
pub(crate) fn run(printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let setup: SweepSetup = first_request("set-up of a sweep", "threads")?;
    serve_sweep(&setup, |told| answer(told, printer), stop)?;
    Ok(Exit::Done)
}
