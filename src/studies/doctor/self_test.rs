//! Trials of what workly-perf needs from the system: timers, console, sockets, files. For the report that a user sends.

use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::bridge::Client;
use crate::bridge::server::{BridgeSpec, EmbeddedBridge};
use crate::clock::{Clock, ms};
use crate::host::{self, ProcessMemory};
use crate::record::Fact;
use crate::stats::Summary;
use crate::text;

/// Deadlines to meet: enough for a 99th percentile.
const DEADLINES: usize = 1_000;

/// Sleeps to time.
const SLEEPS: usize = 200;

/// From now to each deadline, in nanoseconds.
const AHEAD_NS: u64 = 1_000_000;

/// Clock readings from which the smallest step is determined.
const READINGS: usize = 10_000;

/// Time limit for the embedded bridge to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Label and result of each trial. Takes some seconds; ends early if the user interrupts.
pub(crate) fn self_test(stop: &AtomicBool) -> Vec<(String, String)> {
    let clock = Clock::start();
    let rows = [
        ("clock", clock_step(&clock)),
        ("sleeping 1 ms", late(&clock, SLEEPS, stop, Clock::rest_until)),
        ("meeting a deadline", late(&clock, DEADLINES, stop, Clock::sleep_until)),
        ("console", console()),
        ("own process", own_process()),
        ("table of TCP ports", tcp_table()),
        ("replacing an open file", replaced_while_open()),
        ("embedded bridge", bridge_stops(&clock)),
    ];
    rows.into_iter().map(|(label, found)| (label.to_owned(), found)).collect()
}

fn clock_step(clock: &Clock) -> String {
    let readings: Vec<u64> = (0..READINGS).map(|_| clock.now_ns()).collect();
    let steps = readings.windows(2).map(|pair| pair[1] - pair[0]).filter(|step| *step > 0);
    match steps.min() {
        Some(step) => format!("smallest step {step} ns in {READINGS} readings"),
        None => format!("did not move in {READINGS} readings"),
    }
}

/// How much later than requested `wait` returns.
fn late(clock: &Clock, count: usize, stop: &AtomicBool, wait: impl Fn(&Clock, u64)) -> String {
    let mut late_ns = Vec::with_capacity(count);
    while late_ns.len() < count && !stop.load(Ordering::Relaxed) {
        let due_ns = clock.now_ns() + AHEAD_NS;
        wait(clock, due_ns);
        late_ns.push(clock.now_ns().saturating_sub(due_ns));
    }
    let summary = Summary::of(&late_ns);
    let figures = summary
        .percentiles
        .iter()
        .filter_map(|percentile| percentile.value_ns.map(|value| format!("{} {:.3} ms", percentile.name(), ms(value))));
    let mut figures: Vec<String> = figures.collect();
    figures.extend(summary.max_ns.map(|max| format!("max {:.3} ms", ms(max))));
    format!("late by {} (n = {})", figures.join(", "), summary.n)
}

fn console() -> String {
    let console = host::console();
    let escapes = console.escape_sequences.map(|on| if *on { "on" } else { "off" });
    format!(
        "code page of output {}, of input {}; escape sequences {escapes}",
        console.output_code_page, console.input_code_page
    )
}

fn own_process() -> String {
    let own = ProcessMemory::own();
    let size = |bytes: &Fact<u64>| bytes.map(|bytes| text::binary_bytes(*bytes));
    format!(
        "resident {}, anonymous {}, threads {}, handles {}",
        size(&own.resident_bytes),
        size(&own.anonymous_bytes),
        own.threads,
        own.handles
    )
}

fn tcp_table() -> String {
    let listening = TcpListener::bind("127.0.0.1:0").and_then(|listener| Ok((listener.local_addr()?, listener)));
    let address = match &listening {
        Ok((address, _)) => *address,
        Err(error) => return format!("no port can be opened on 127.0.0.1: {error}"),
    };
    match host::listening_on(address) {
        Fact::Value(Some(process)) if process.pid == std::process::id() => "names the process of a port".into(),
        Fact::Value(Some(_)) => "names another process for a port of this one".into(),
        other => format!("does not name the process of a port ({})", other.map(|_| "nobody")),
    }
}

fn replaced_while_open() -> String {
    match try_replacing() {
        Ok(()) => "works".into(),
        Err(error) => format!("refused: {error}"),
    }
}

fn try_replacing() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    std::fs::write(&old, "old")?;
    std::fs::write(&new, "new")?;
    let held = std::fs::File::open(&old)?;
    let replaced = std::fs::rename(&new, &old);
    drop(held);
    replaced
}

/// In a thread, because the trial may not end.
fn bridge_stops(clock: &Clock) -> String {
    let (tell, told) = channel();
    let clock = *clock;
    thread::spawn(move || tell.send(start_and_stop(clock)));
    match told.recv_timeout(PATIENCE) {
        Ok(Ok(took_ns)) => format!("greets a client and stops within {:.0} ms", ms(took_ns).ceil()),
        Ok(Err(reason)) => reason,
        Err(_) => format!("does not stop within {} s", PATIENCE.as_secs()),
    }
}

fn start_and_stop(clock: Clock) -> Result<u64, String> {
    let mut bridge = EmbeddedBridge::start(BridgeSpec::default(), 0).map_err(|error| error.to_string())?;
    let client = Client::connect(&[bridge.address()], PATIENCE, &AtomicBool::new(false));
    client
        .map(|client| {
            let began_ns = clock.now_ns();
            bridge.shutdown();
            drop(client);
            clock.now_ns() - began_ns
        })
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trial_has_a_result_and_an_interrupt_shortens_them() {
        let rows = self_test(&AtomicBool::new(true));
        let found = |label: &str| rows.iter().find(|(name, _)| name == label).unwrap().1.as_str();
        assert!(found("meeting a deadline").ends_with("(n = 0)"), "{rows:?}");
        assert!(found("clock").starts_with("smallest step"), "{rows:?}");
        assert!(found("embedded bridge").starts_with("greets a client and stops within"), "{rows:?}");
        if cfg!(unix) {
            assert_eq!(found("replacing an open file"), "works");
        }
    }

    #[test]
    fn lateness_percentile_needs_enough_samples() {
        let clock = Clock::start();
        let text = late(&clock, 20, &AtomicBool::new(false), |_, _| ());
        assert_eq!(text, "late by p50 0.000 ms, max 0.000 ms (n = 20)");
    }
}
