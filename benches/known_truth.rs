//! The tool against known truths: the embedded bridge adds an exact delay, or runs at an exact frame rate, and the tool
//! must report it.
//!
//! `cargo bench --bench known_truth [-- delays|frames|breakdown|capacity|faults]`, about ten minutes in total. Exit
//! code 1 if a figure is outside its limit; not meaningful on a busy machine.

#![allow(clippy::print_stdout)] // Its output is its purpose.

mod bare;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use bare::{exchanges, median, serve, serve_handed_over};
use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::bridge::{Ack, Client, Dialect, Message};
use workly_perf::clock::Clock;
use workly_perf::measure::{Load, LoopContext, MessageCounts, RoundTrips, measure_case};
use workly_perf::record::{Case, RecordFolder, Run};

const SIZE: usize = 100;
const ROUNDS: usize = 15;

/// Measures one kind of truth; returns the number of figures outside their limits.
type Part = fn() -> u32;

/// The parts, by the word that selects each.
const PARTS: [(&str, Part); 5] = [
    ("delays", added_delays),
    ("frames", frames),
    ("breakdown", breakdown),
    ("capacity", capacity),
    ("faults", faults),
];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let parts = PARTS.iter().filter(|(name, _)| asked.is_empty() || asked.iter().any(|word| word == name));
    let missed: u32 = parts.map(|(_, measure)| measure()).sum();
    println!("{}", if missed == 0 { "all figures within their limits" } else { "FIGURES OUTSIDE THEIR LIMITS" });
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Known added delay, both kinds of reply, in rounds that alternate with the reference.
///
/// The truth is a bare exchange of the same bytes through as many threads, plus the delay; limit 2 % + 30 µs.
fn added_delays() -> u32 {
    println!(
        "added delay, closed loop, main thread unpaced; truth = bare exchange + delay, limit 2 % + 30 us; medians of \
         {ROUNDS} alternating rounds"
    );
    println!(
        "  {:<9} {:>9} {:>10} {:>10} {:>9} {:>9}",
        "ack", "delay ms", "truth ms", "p50 ms", "error us", "limit us"
    );
    let references = [(Ack::Received, serve(SIZE)), (Ack::Applied, serve_handed_over(SIZE))];
    let mut missed = 0;
    for (ack, plain) in references {
        for delay_ms in [0_u64, 1, 5, 20] {
            let spec = format!("fps=unpaced,{ack}-delay={delay_ms}ms");
            let bytes = message(ack).line(0).to_vec();
            let messages = if delay_ms == 0 { 1_000 } else { 40 };
            let (mut truths, mut p50s) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                truths.push(median(&exchanges(plain, &bytes, 1_000)) + delay_ms * 1_000_000);
                p50s.push(median(&measure(&spec, ack, Load::Closed, messages).latency_ns));
            }
            let truth = median(&truths) as f64;
            let label = format!("{ack:<9} {delay_ms:>9}");
            missed += check(&label, truth, median(&p50s) as f64, truth * 0.02 + 30_000.0);
        }
    }
    missed
}

/// Known frame rates. Closed loop: the period; Poisson: half of it on average.
fn frames() -> u32 {
    println!(
        "frames, applied; closed loop p50 = period within 2 %, Poisson 50/s (n 3,000) mean = half the period within 5 %"
    );
    println!("  {:<9} {:>9} {:>10} {:>10} {:>9} {:>9}", "load", "fps", "truth ms", "figure ms", "error us", "limit us");
    let mut missed = 0;
    for fps in [30_u32, 60, 144] {
        // Otherwise replies of one frame wait for each other, as Unity's do: see `known_truth_stock`.
        let spec = format!("fps={fps},nodelay=on");
        let period = 1e9 / f64::from(fps);
        let closed = measure(&spec, Ack::Applied, Load::Closed, 200);
        missed += check(&format!("{:<9} {fps:>9}", "closed"), period, median(&closed.latency_ns) as f64, period * 0.02);
        let poisson = measure(&spec, Ack::Applied, Load::Poisson { rate_per_s: 50.0 }, 3_000);
        let mean = poisson.latency_ns.iter().sum::<u64>() as f64 / poisson.latency_ns.len() as f64;
        missed += check(&format!("{:<9} {fps:>9}", "poisson"), period / 2.0, mean, period * 0.025);
    }
    missed
}

/// Delays injected into a bridge, in their part of the breakdown. That they are really injected is checked first, by
/// bare exchanges with the bridge.
fn breakdown() -> u32 {
    println!(
        "injected times, by bare exchanges (medians of 200, with minus without) and by the breakdown (mean of 200); limit 5 %"
    );
    println!("  {:<9} {:>9} {:>10} {:>10} {:>9} {:>9}", "stage", "by", "truth ms", "figure ms", "error us", "limit us");
    let injected = [("parse", 1.0), ("queue", 5.0), ("apply", 2.0)];
    let mut missed = 0;
    let plain = bare_ns("fps=unpaced,dialect=instrumented");
    for (part, ms) in injected {
        let lying = bare_ns(&format!("fps=unpaced,dialect=instrumented,{part}-delay={ms}ms"));
        let label = format!("{part:<9} {:>9}", "exchanges");
        missed += check(&label, ms * 1e6, lying as f64 - plain as f64, ms * 5e4);
    }
    for fps in ["unpaced", "60"] {
        let delays = injected.map(|(part, ms)| format!("{part}-delay={ms}ms")).join(",");
        let run = ipc(&format!("embedded:dialect=instrumented,fps={fps},{delays} --breakdown --messages 200"));
        for (part, ms) in injected {
            let figure_ms = figure(&run, &format!("applied/breakdown/{part}"), "mean");
            missed += check(&format!("{part:<9} {:>9}", format!("fps {fps}")), ms * 1e6, figure_ms * 1e6, ms * 5e4);
        }
    }
    missed
}

/// Median bare exchange with a bridge that replies in lines of any length, in nanoseconds. Exchanges follow each other
/// directly: after a pause, they would start with a wake-up that takes as long as what is measured.
fn bare_ns(spec: &str) -> u64 {
    let (_bridge, mut stream, mut lines) = dial(spec);
    let mut taken = Vec::new();
    for _ in 0..200 {
        let sent = Instant::now();
        stream.write_all(BLINK).expect("a write");
        lines.next().expect("a reply").expect("a line");
        taken.push(u64::try_from(sent.elapsed().as_nanos()).expect("a short time"));
    }
    median(&taken)
}

/// A command answered by the main thread.
const BLINK: &[u8] = b"{\"command\": \"set_auto_blink\", \"data\": {\"enabled\": true}, \"id\": 7}\n";

fn dial(spec: &str) -> (EmbeddedBridge, TcpStream, impl Iterator<Item = std::io::Result<String>>) {
    let bridge = EmbeddedBridge::start(spec.parse().expect("a specification"), 0).expect("the embedded bridge");
    let stream = TcpStream::connect(bridge.address()).expect("a connection");
    stream.set_nodelay(true).expect("nodelay");
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    lines.next().expect("a greeting").expect("a line");
    (bridge, stream, lines)
}

/// Bounded capacities. That the bridge has them is checked first, by sending four seconds' worth at once.
fn capacity() -> u32 {
    println!("capacity, by a bare burst and by the search; limit 5 %");
    println!("  {:<9} {:>9} {:>10} {:>10} {:>9} {:>9}", "reply", "by", "truth /s", "found /s", "error /s", "limit /s");
    let mut missed = 0;
    for per_s in [500_u32, 5_000] {
        let truth = f64::from(per_s);
        let spec = format!("fps=200,capacity={per_s}");
        let rate = |label: &str, by: &str, found: f64| {
            check_in(&format!("{label:<9} {by:>9}"), truth, found, truth * 0.05, 1.0)
        };
        missed += rate("received", "burst", burst_per_s(&spec, per_s as usize * 4));
        let run = ipc(&format!("embedded:{spec} --find-max-rate"));
        for ack in ["received", "applied"] {
            missed += rate(ack, "search", figure(&run, &format!("{ack}/max-rate"), "max_rate"));
        }
    }
    missed
}

/// Replies per second of a heavily overloaded bridge, after the first tenth: an idle bridge accepts some messages at
/// once.
fn burst_per_s(spec: &str, messages: usize) -> f64 {
    let (_bridge, mut stream, lines) = dial(spec);
    let line = message(Ack::Received).line(0).to_vec();
    let sender = std::thread::spawn(move || {
        // A failed write shows in the missing replies.
        (0..messages).all(|_| stream.write_all(&line).is_ok()).then_some(stream)
    });
    let mut moments = Vec::with_capacity(messages);
    for line in lines.take(messages) {
        line.expect("a line");
        moments.push(Instant::now());
    }
    sender.join().expect("the sender").expect("a connection");
    let first = messages / 10;
    (messages - 1 - first) as f64 / (moments[messages - 1] - moments[first]).as_secs_f64()
}

/// Faults with a signature are recognised.
fn faults() -> u32 {
    println!("named faults");
    let named = [("delayed-ack=40ms", "Delayed acknowledgement"), ("timer-tick=15.6ms", "Timer tick")];
    named.iter().fold(0, |missed, (lie, name)| {
        let run = ipc(&format!("embedded:{lie} --load closed --messages 200"));
        let notes = &case(&run, "received/closed/100B").notes;
        let told = notes.iter().find(|note| note.starts_with(name));
        println!("  {lie:<18} {}", told.map_or("NOT NAMED", String::as_str));
        missed + u32::from(told.is_none())
    })
}

/// A run of `ipc`, as started by a user.
fn ipc(line: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_workly-perf"))
        .args(["ipc", "--quiet", "--seed", "1", "--out"])
        .arg(&out)
        .arg("--bridge")
        .args(line.split_whitespace())
        .output()
        .expect("the program");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    RecordFolder::read(&out).expect("a record")
}

fn case<'a>(run: &'a Run, path: &str) -> &'a Case {
    run.cases.iter().find(|case| case.path == path).unwrap_or_else(|| panic!("no case {path}"))
}

fn figure(run: &Run, path: &str, metric: &str) -> f64 {
    case(run, path).metric(metric).and_then(|metric| metric.value).unwrap_or(f64::NAN)
}

fn check(label: &str, truth_ns: f64, figure_ns: f64, limit_ns: f64) -> u32 {
    check_in(label, truth_ns / 1e6, figure_ns / 1e6, limit_ns / 1e6, 1e3)
}

/// `finer` is the factor by which the unit of the last two columns is smaller.
fn check_in(label: &str, truth: f64, figure: f64, limit: f64, finer: f64) -> u32 {
    let off = figure - truth;
    let kept = off.abs() <= limit;
    let outside = if kept { "" } else { "OUTSIDE" };
    println!("  {label} {truth:>10.3} {figure:>10.3} {:>9.1} {:>9.1} {outside}", off * finer, limit * finer);
    u32::from(!kept)
}

fn message(ack: Ack) -> Message {
    Message::of(Dialect::stock(), Dialect::stock().probe(ack).expect("a probe"), Some(true), SIZE)
}

fn measure(spec: &str, ack: Ack, load: Load, messages: usize) -> RoundTrips {
    let bridge = EmbeddedBridge::start(spec.parse().expect("a specification"), 0).expect("the embedded bridge");
    let stop = AtomicBool::new(false);
    let clock = Clock::start();
    let replies = AtomicU64::new(0);
    let bench = LoopContext { clock: &clock, stop: &stop, replies: &replies, ids: false };
    let mut client = Client::connect(&[bridge.address()], Duration::from_secs(5), &stop).expect("a connection");
    let trips = measure_case(&mut client, &mut message(ack), load, MessageCounts { warm_up: 20, messages }, 3, bench);
    assert_eq!(trips.latency_ns.len(), messages, "{trips:?}");
    trips
}
