//! `workly-perf render-load`: the process that renders during a measurement.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Context;

use crate::cli::RenderLoadArgs;
use crate::clock::{Clock, nanos};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::measure::{RenderSpec, render};
use crate::term::Printer;

pub(super) fn run(args: &RenderLoadArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let spec = RenderSpec::new(args.fps, args.main, args.worker)
        .map_err(|error| Failure::new(Exit::Usage, error.into()).hint("see workly-perf render-load --help"))?;
    let (clock, abandoned) = (Clock::start(), abandoned());
    let ends_ns = args.length.map_or(u64::MAX, nanos);
    let go_on = || !stop.load(Ordering::Relaxed) && !abandoned.load(Ordering::Relaxed) && clock.now_ns() < ends_ns;
    let tell = |line: String| printer.data(&line).context("cannot write to standard output");
    render(spec, go_on, |calibration| tell(calibration.to_string()), |frame| tell(frame.to_string()))
        .map_err(|error| Failure::new(Exit::Unreadable, error))?;
    Ok(Exit::Done)
}

/// A flag that is set when standard input ends: the parent process has closed it, or has ended.
fn abandoned() -> Arc<AtomicBool> {
    let abandoned = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&abandoned);
    // Never joined: it waits until the process ends.
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        raised.store(true, Ordering::Relaxed);
    });
    abandoned
}
