//! The cost of measuring: the received round trip of this tool compared with a bare exchange of the same bytes, between
//! the same two processes, in alternating rounds; and the send lateness of a Poisson schedule.
//!
//! `cargo bench --bench overhead`. Exit code 1 if a limit is exceeded. Needs an idle machine.

#![allow(clippy::print_stdout)] // Its output is its purpose.

mod bare;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use bare::{exchanges, median, serve};
use workly_perf::bridge::server::{BridgeSpec, EmbeddedBridge};
use workly_perf::bridge::{Ack, Client, Dialect, Message};
use workly_perf::clock::Clock;
use workly_perf::measure::{Load, LoopContext, MessageCounts, measure_case};

const ROUNDS: usize = 21;
const MESSAGES: usize = 3_000;
const SIZE: usize = 100;
/// The tool's median may cost at most this many bare exchanges.
const RATIO_LIMIT: f64 = 1.25;
/// 99th percentile of send lateness, in microseconds.
const LATENESS_LIMIT_US: f64 = 100.0;

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--serve") {
        return serve_both();
    }
    let (mut child, bridge, plain) = start_server();
    let stop = AtomicBool::new(false);
    let clock = Clock::start();
    let replies = AtomicU64::new(0);
    let bench = LoopContext { clock: &clock, stop: &stop, replies: &replies, ids: false };
    let mut client = Client::connect(&[bridge], Duration::from_secs(5), &stop).expect("the null bridge");
    let mut message =
        Message::of(Dialect::stock(), Dialect::stock().probe(Ack::Received).expect("a probe"), Some(true), SIZE);
    let bytes = message.line(0).to_vec();

    let mut ratios = Vec::new();
    let (mut tools, mut bares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let bare = median(&exchanges(plain, &bytes, MESSAGES));
        let trips = measure_case(
            &mut client,
            &mut message,
            Load::Closed,
            MessageCounts { warm_up: MESSAGES / 10, messages: MESSAGES },
            1,
            bench,
        );
        let tool = median(&trips.latency_ns);
        ratios.push(tool as f64 / bare as f64);
        tools.push(tool);
        bares.push(bare);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ROUNDS / 2];
    println!("received p50, tool / bare exchange ({SIZE} B, {ROUNDS} alternating rounds of {MESSAGES}):");
    println!("  median ratio {ratio:.3} (min {:.3}, max {:.3}), limit {RATIO_LIMIT}", ratios[0], ratios[ROUNDS - 1]);
    println!("  medians: tool {:.1} us, bare {:.1} us", median(&tools) as f64 / 1e3, median(&bares) as f64 / 1e3);

    let load = Load::Poisson { rate_per_s: 200.0 };
    let trips =
        measure_case(&mut client, &mut message, load, MessageCounts { warm_up: 100, messages: 2_000 }, 2, bench);
    let mut late = trips.lateness_ns;
    late.sort_unstable();
    let p99_us = late[late.len() * 99 / 100 - 1] as f64 / 1e3;
    println!("send lateness, Poisson 200/s, n {}:", late.len());
    println!(
        "  p50 {:.1} us, p99 {p99_us:.1} us, max {:.1} us, limit of p99 {LATENESS_LIMIT_US} us",
        late[late.len() / 2] as f64 / 1e3,
        late[late.len() - 1] as f64 / 1e3
    );
    drop(child.stdin.take());
    child.wait().expect("the server ends");
    if ratio <= RATIO_LIMIT && p99_us < LATENESS_LIMIT_US { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The server process: a null bridge and a bare server, until standard input closes.
fn serve_both() -> ExitCode {
    let bridge = EmbeddedBridge::start(BridgeSpec::default(), 0).expect("the null bridge");
    println!("{}\n{}", bridge.address(), serve(SIZE));
    let _ = std::io::stdin().read(&mut [0]);
    ExitCode::SUCCESS
}

fn start_server() -> (std::process::Child, SocketAddr, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a second process");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut address = || lines.next().expect("a line").expect("text").parse().expect("an address");
    let (bridge, plain) = (address(), address());
    (child, bridge, plain)
}
