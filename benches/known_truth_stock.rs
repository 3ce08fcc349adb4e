//! Compares the embedded stock bridge with figures of the real bridge script, which ran headless under Mono on Linux,
//! with a frame loop at 60 frames per second, over loopback, 150 round trips each.
//!
//! `cargo bench --bench known_truth_stock [-- poisson|rare|reaction]` takes about four minutes in total. Rounds
//! alternate between the bridge's defaults and `nodelay=on`; a figure is the median over the rounds. Prints the table
//! in docs/BRIDGE.md. Exit code 1 if p50 or p90 at 50 per second is more than 15 % outside the range of the real bridge
//! (with `nodelay=on`: p90). Needs an idle machine, and Linux: other systems delay acknowledgements by another time.

#![allow(clippy::print_stdout)] // Its output is its purpose.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::bridge::{Ack, Client, Dialect, Message};
use workly_perf::clock::Clock;
use workly_perf::measure::{Load, LoopContext, MessageCounts, measure_case};

/// Rounds per figure.
const ROUNDS: u64 = 7;

/// Maximum distance of a figure from the range of the real bridge, as a share.
const LIMIT: f64 = 0.15;

/// The two configurations of the bridge, as specifications.
const WAYS: [&str; 2] = ["fps=60", "fps=60,nodelay=on"];

/// A figure of the real bridge: the observed range, in milliseconds.
struct Published {
    name: &'static str,
    range_ms: (f64, f64),
    is_judged: bool,
}

const fn seen(name: &'static str, range_ms: (f64, f64), is_judged: bool) -> Published {
    Published { name, range_ms, is_judged }
}

/// Poisson arrivals at 50 per second, *applied*. The p50 with `nodelay=on` is not judged: exact frames give 8.3 ms, and
/// the script's own loop gave more.
const POISSON: [[Published; 3]; 2] = [
    [seen("p50", (16.4, 17.1), true), seen("p90", (41.0, 42.0), true), seen("max", (55.0, 57.0), false)],
    [seen("p50", (9.8, 12.2), false), seen("p90", (16.0, 20.0), true), seen("max", (21.0, 25.0), false)],
];

/// The same at 5 per second.
const RARE: [[Published; 1]; 2] = [[seen("p50", (8.0, 8.0), false)], [seen("p50", (7.3, 7.3), false)]];

/// Ten *applied* commands in one write, until the last reply.
const REACTION: [[Published; 1]; 2] = [[seen("mean", (46.9, 46.9), false)], [seen("mean", (10.0, 10.0), false)]];

fn main() -> ExitCode {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wants = |part: &str| asked.is_empty() || asked.iter().any(|word| word == part);
    println!(
        "| applied replies, 60 fps | TCP_NODELAY | | real bridge, ms | embedded bridge, ms | rounds, min..max | |"
    );
    println!("|---|---|---|---|---|---|---|");
    let mut missed = 0;
    if wants("poisson") {
        missed += part("Poisson, 50 a second", &POISSON, |spec, seed| poisson_ms(spec, 50.0, 150, seed));
    }
    if wants("rare") {
        missed += part("Poisson, 5 a second", &RARE, |spec, seed| poisson_ms(spec, 5.0, 50, seed));
    }
    if wants("reaction") {
        missed += part("ten commands in one write", &REACTION, |spec, seed| reaction_ms(spec, 20, seed));
    }
    println!(
        "medians of {ROUNDS} rounds; limit {} % for p50 and p90 at 50 per second, with nodelay=on for p90",
        LIMIT * 100.0
    );
    println!("{}", if missed == 0 { "all figures within their limits" } else { "FIGURES OUTSIDE THEIR LIMITS" });
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Measures both configurations alternately, and prints a row for each figure. Returns the number outside their limits.
fn part<const N: usize>(label: &str, published: &[[Published; N]; 2], measure: impl Fn(&str, u64) -> Vec<f64>) -> u32 {
    let mut rounds = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        // The same send times for both, and alternating order.
        for way in [round % 2, 1 - round % 2] {
            let way = usize::from(way == 1);
            rounds[way].push(measure(WAYS[way], round));
        }
    }
    let mut missed = 0;
    for ((published, rounds), nodelay) in published.iter().zip(&rounds).zip(["off", "on"]) {
        for figure in published {
            let mut of_rounds: Vec<f64> = rounds.iter().map(|sample_ms| figure_of(figure.name, sample_ms)).collect();
            of_rounds.sort_by(f64::total_cmp);
            let (value, n) = (of_rounds[of_rounds.len() / 2], rounds[0].len());
            let (low, high) = figure.range_ms;
            let outside = (low / value - 1.0).max(value / high - 1.0).max(0.0);
            let is_kept = !figure.is_judged || (value >= low * (1.0 - LIMIT) && value <= high * (1.0 + LIMIT));
            missed += u32::from(!is_kept);
            let range = if low < high { format!("{low:.1}–{high:.1}") } else { format!("{low:.1}") };
            println!(
                "| {label} | {nodelay} | {} | {range} | {value:.1} (n {n} × {ROUNDS}) | {:.1}..{:.1} | {} |",
                figure.name,
                of_rounds[0],
                of_rounds[of_rounds.len() - 1],
                match (is_kept, outside > 0.0) {
                    (false, _) => format!("OUTSIDE by {:.0} %", outside * 100.0),
                    (true, true) => format!("{:.0} % outside", outside * 100.0),
                    (true, false) => "within".to_owned(),
                }
            );
        }
    }
    missed
}

/// `p50`, `p90`, `max` or `mean` of a sorted sample.
fn figure_of(name: &str, sorted_ms: &[f64]) -> f64 {
    let n = sorted_ms.len();
    match name {
        "p50" => sorted_ms[(n - 1) / 2],
        "p90" => sorted_ms[(n * 9).div_ceil(10) - 1],
        "max" => sorted_ms[n - 1],
        _ => sorted_ms.iter().sum::<f64>() / n as f64,
    }
}

/// Round trips of `set_auto_blink` under Poisson load, as `ipc` measures them, sorted, in milliseconds.
fn poisson_ms(spec: &str, rate_per_s: f64, messages: usize, seed: u64) -> Vec<f64> {
    let bridge = start(spec);
    let (stop, clock, replies) = (AtomicBool::new(false), Clock::start(), AtomicU64::new(0));
    let bench = LoopContext { clock: &clock, stop: &stop, replies: &replies, ids: false };
    let mut client = Client::connect(&[bridge.address()], Duration::from_secs(5), &stop).expect("a connection");
    let probe = Dialect::stock().probe(Ack::Applied).expect("a probe");
    let mut message = Message::of(Dialect::stock(), probe, None, 100);
    let trips = measure_case(
        &mut client,
        &mut message,
        Load::Poisson { rate_per_s },
        MessageCounts { warm_up: 20, messages },
        seed,
        bench,
    );
    assert_eq!(trips.latency_ns.len(), messages, "{trips:?}");
    sorted_ms(trips.latency_ns.iter().map(|ns| Duration::from_nanos(*ns)))
}

/// From the write of ten commands at a random phase of the frame to the last reply, sorted, in milliseconds. Pauses are
/// short: after 50 ms or more, Linux acknowledges at once again.
fn reaction_ms(spec: &str, reactions: usize, seed: u64) -> Vec<f64> {
    const BLINK: &str = "{\"command\": \"set_auto_blink\", \"data\": {\"enabled\": false}}\n";
    let bridge = start(spec);
    let mut stream = TcpStream::connect(bridge.address()).expect("a connection");
    stream.set_nodelay(true).expect("nodelay");
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
    let mut replies =
        |count: usize| lines.by_ref().take(count).for_each(|line| assert_eq!(line.expect("a line"), "{}"));
    // The greeting, and enough traffic for the system to start delaying acknowledgements.
    replies(1);
    for _ in 0..20 {
        stream.write_all(BLINK.as_bytes()).expect("a write");
        replies(1);
    }
    let mut random = StdRng::seed_from_u64(seed);
    let took: Vec<Duration> = (0..reactions)
        .map(|_| {
            std::thread::sleep(Duration::from_micros(random.random_range(0..16_667)));
            let sent = Instant::now();
            stream.write_all(BLINK.repeat(10).as_bytes()).expect("a write");
            replies(10);
            sent.elapsed()
        })
        .collect();
    sorted_ms(took.into_iter())
}

fn start(spec: &str) -> EmbeddedBridge {
    EmbeddedBridge::start(spec.parse().expect("a specification"), 0).expect("the embedded bridge")
}

fn sorted_ms(sample: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut sorted: Vec<f64> = sample.map(|took| took.as_secs_f64() * 1e3).collect();
    sorted.sort_by(f64::total_cmp);
    sorted
}
