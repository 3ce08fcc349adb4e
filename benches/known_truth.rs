//! The tool against known truths: the embedded bridge is told to add an exact delay, or to run at an exact frame rate, and
//! the tool must report it.
//!
//! `cargo bench --bench known_truth [-- delays|frames]`, about six minutes. Ends with exit code 1 if a figure is outside of its limit; on a busy
//! machine that says little.

#![allow(clippy::print_stdout)] // Its output is its purpose.

mod bare;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use bare::{exchanges, median, serve, serve_handed_over};
use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::bridge::{Ack, Client, Dialect, Message};
use workly_perf::clock::Clock;
use workly_perf::measure::{Bench, Load, RoundTrips, measure_case};

const SIZE: usize = 100;
const ROUNDS: usize = 15;

fn main() -> ExitCode {
    let only = |part: &str| std::env::args().any(|word| word == part);
    let missed = if only("frames") { 0 } else { added_delays() } + if only("delays") { 0 } else { frames() };
    println!("{}", if missed == 0 { "every figure within its limit" } else { "FIGURES OUTSIDE OF THEIR LIMIT" });
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Known added delay, both acks, in rounds that alternate with the reference.
///
/// The truth is a bare exchange of the same bytes through as many threads, plus the delay; limit 2 % + 30 us.
fn added_delays() -> u32 {
    println!(
        "added delay, closed loop, main thread unpaced; truth = bare exchange + delay, limit 2 % + 30 us; medians of \
         {ROUNDS} alternating rounds"
    );
    println!("  {:<9} {:>9} {:>10} {:>10} {:>9} {:>9}", "ack", "delay ms", "truth ms", "p50 ms", "off us", "limit us");
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
    println!("  {:<9} {:>9} {:>10} {:>10} {:>9} {:>9}", "load", "fps", "truth ms", "figure ms", "off us", "limit us");
    let mut missed = 0;
    for fps in [30_u32, 60, 144] {
        let spec = format!("fps={fps}");
        let period = 1e9 / f64::from(fps);
        let closed = measure(&spec, Ack::Applied, Load::Closed, 200);
        missed += check(&format!("{:<9} {fps:>9}", "closed"), period, median(&closed.latency_ns) as f64, period * 0.02);
        let poisson = measure(&spec, Ack::Applied, Load::Poisson { rate_per_s: 50.0 }, 3_000);
        let mean = poisson.latency_ns.iter().sum::<u64>() as f64 / poisson.latency_ns.len() as f64;
        missed += check(&format!("{:<9} {fps:>9}", "poisson"), period / 2.0, mean, period * 0.025);
    }
    missed
}

fn check(label: &str, truth: f64, figure: f64, limit: f64) -> u32 {
    let off = figure - truth;
    let kept = off.abs() <= limit;
    println!(
        "  {label} {:>10.3} {:>10.3} {:>9.1} {:>9.1} {}",
        truth / 1e6,
        figure / 1e6,
        off / 1e3,
        limit / 1e3,
        if kept { "" } else { "OUTSIDE" }
    );
    u32::from(!kept)
}

fn message(ack: Ack) -> Message {
    Message::of(Dialect::stock(), Dialect::stock().probe(ack).expect("a probe"), true, SIZE)
}

fn measure(spec: &str, ack: Ack, load: Load, messages: usize) -> RoundTrips {
    let bridge = EmbeddedBridge::start(spec.parse().expect("a specification"), 0).expect("the embedded bridge");
    let stop = AtomicBool::new(false);
    let clock = Clock::start();
    let replies = AtomicU64::new(0);
    let bench = Bench { clock: &clock, stop: &stop, replies: &replies, ids: false };
    let mut client = Client::connect(&[bridge.address()], Duration::from_secs(5), &stop).expect("a connection");
    let trips = measure_case(&mut client, &mut message(ack), load, (20, messages), 3, bench);
    assert_eq!(trips.latency_ns.len(), messages, "{trips:?}");
    trips
}
