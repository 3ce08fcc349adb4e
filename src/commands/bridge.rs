//! `workly-perf bridge`: the embedded bridge as a separate process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context;

use crate::bridge::ListeningSide;
use crate::bridge::server::{BridgeSpec, BridgeSpecError, EmbeddedBridge, PresenceLock};
use crate::cli::BridgeArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plural::counted;
use crate::term::Printer;

/// How often it checks whether to end.
const LOOK_UP: Duration = Duration::from_millis(50);

pub(super) fn run(args: &BridgeArgs, printer: Printer, stop: &AtomicBool) -> Result<Exit, Failure> {
    let spec = spec_of(args)?;
    let bridge = EmbeddedBridge::start(spec.clone(), args.port)?;
    let _lock = PresenceLock::acquire(bridge.address(), &spec)
        .inspect_err(|error| printer.warning(&format!("clients will mistake this bridge for Unity: {error}")));
    let address = match spec.dialect.listens {
        ListeningSide::Bridge => "Its address",
        ListeningSide::Client => "It connects to",
    };
    printer.note(&format!("embedded bridge ({spec}), simulated; press Ctrl-C to stop it. {address}:"));
    printer
        .data(&bridge.address().to_string())
        .context("cannot write to standard output")
        .map_err(|error| Failure::new(Exit::Unreadable, error))?;
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(LOOK_UP);
    }
    let counters = bridge.counters();
    printer.note(&format!(
        "{}, {}, {} applied, {}, {} unknown and {} malformed without a reply; longest queue {}",
        counted(counters.connections, "connection"),
        counted(counters.received, "message"),
        counters.applied,
        counted(counters.replies_sent, "reply"),
        counters.ignored,
        counters.malformed,
        counters.longest_queue,
    ));
    Ok(Exit::Done)
}

/// The specification with `--fps` applied.
fn spec_of(args: &BridgeArgs) -> Result<BridgeSpec, Failure> {
    let Some(fps) = &args.fps else { return Ok(args.spec.clone()) };
    let refused = |error: BridgeSpecError| {
        let hint = error.hint();
        Failure::new(Exit::Usage, error.into()).hint(hint)
    };
    let paced: BridgeSpec = format!("fps={fps}").parse().map_err(refused)?;
    let spec = BridgeSpec { fps: paced.fps, ..args.spec.clone() };
    spec.validate().map_err(refused)?;
    Ok(spec)
}
