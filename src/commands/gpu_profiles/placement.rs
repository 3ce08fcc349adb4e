//! `workly-perf gpu-placement`: the process of one placement.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;

use super::super::failure::Failure;
use crate::cli::GpuPlacementArgs;
use crate::exit::Exit;
use crate::host;
use crate::llm::engine::{Backend, EngineError};
use crate::measure::{PlacementAnswer, PlacementTask, foresee_placements, measure_placement};
use crate::term::Printer;

/// Reads the request, measures, prints the answer as the last line.
pub(in super::super) fn run(_: &GpuPlacementArgs, printer: Printer, stop: &Arc<AtomicBool>) -> Result<Exit, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read the request")
        .map_err(|error| Failure::new(Exit::Usage, error))?;
    let task: PlacementTask = serde_json::from_str(&line).map_err(|error| {
        Failure::new(Exit::Usage, anyhow::Error::new(error).context("standard input holds no placement"))
            .hint("gpu-profiles starts this command by itself")
    })?;
    stop_when_abandoned(stop);
    let backend = Backend::start()?;
    let tell = |answer: &PlacementAnswer| {
        let text = serde_json::to_string(answer).unwrap_or_default();
        // Nobody may be listening any more; then nobody misses it.
        let _ = printer.data(&text);
    };
    let readers = (|| host::anonymous_bytes().value().copied(), || host::cpu_time_ns().value().copied());
    let begins = |phase| tell(&PlacementAnswer::Phase(phase));
    let done = match &task {
        PlacementTask::Measure(request) => measure_placement(backend, request, readers, begins, stop)
            .map(|outcome| PlacementAnswer::Measured(Box::new(outcome))),
        PlacementTask::Foresee(request) => foresee_placements(backend, request).map(PlacementAnswer::Foreseen),
    };
    let answer = match done {
        Ok(answer) => answer,
        Err(EngineError::Stopped { .. } | EngineError::LoadStopped) => PlacementAnswer::Interrupted,
        Err(error) => PlacementAnswer::Failed { reason: error.to_string() },
    };
    tell(&answer);
    Ok(Exit::Done)
}

/// Raises the flag when standard input ends: whoever started this process has closed it, or has died.
fn stop_when_abandoned(stop: &Arc<AtomicBool>) {
    let stop = Arc::clone(stop);
    // Never joined: it waits for as long as the process lives.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        stop.store(true, Ordering::Relaxed);
    });
}
