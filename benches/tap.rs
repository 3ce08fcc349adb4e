//! What a tap adds: the same exchanges with the same bridge, directly and through a tap, in alternating rounds. Bridge and tap are
//! processes of their own, as they are in use.
//!
//! `cargo bench --bench tap`. Ends with exit code 1 if the limit is passed; on a busy machine that says little.

#![allow(clippy::print_stdout)] // Its output is its purpose.

mod bare;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};

use bare::{exchanges, median, serve};

const ROUNDS: usize = 21;
const MESSAGES: usize = 3_000;
const SIZE: usize = 100;
/// What the median exchange may take longer through a tap, in microseconds.
const LIMIT_US: f64 = 50.0;

fn main() -> ExitCode {
    if std::env::args().any(|word| word == "--serve") {
        println!("{}", serve(SIZE));
        let _ = std::io::stdin().read(&mut [0]);
        return ExitCode::SUCCESS;
    }
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let direct = address_in(server.stdout.take().expect("a pipe"), "");
    let folder = tempfile::tempdir().expect("a folder");
    let mut tap = Command::new(env!("CARGO_BIN_EXE_workly-perf"))
        .args(["tap", "--listen", "127.0.0.1:0", "--to", &direct.to_string(), "--out"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tap starts");
    let notes = tap.stderr.take().expect("a pipe");
    let tapped = address_in(notes, "listening on ");

    let (mut without, mut with, mut added) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let plain = median(&exchanges(direct, &message(), MESSAGES));
        let through = median(&exchanges(tapped, &message(), MESSAGES));
        without.push(plain);
        with.push(through);
        added.push((through as f64 - plain as f64) / 1e3);
    }
    added.sort_by(f64::total_cmp);
    let middle = added[ROUNDS / 2];
    println!("closed-loop exchange of {SIZE} B, {ROUNDS} alternating rounds of {MESSAGES}:");
    println!(
        "  p50 direct {:.1} us, through the tap {:.1} us",
        median(&without) as f64 / 1e3,
        median(&with) as f64 / 1e3
    );
    println!(
        "  added to a round trip, which passes the tap twice: median {middle:.1} us (rounds from {:.1} to {:.1}); limit {LIMIT_US} us",
        added[0],
        added[ROUNDS - 1]
    );
    end(&mut tap);
    end(&mut server);
    if middle <= LIMIT_US { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn message() -> Vec<u8> {
    let mut line = br#"{"command": "set_expression", "data": {"name": "neutral", "value": 0.0}"#.to_vec();
    line.resize(SIZE - 2, b' ');
    line.extend(b"}\n");
    line
}

/// The address behind these words on one of the first lines.
fn address_in(output: impl Read + Send + 'static, words: &str) -> SocketAddr {
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once(words)?.1.split(',').next()?.parse().ok());
    // Whoever writes on must not meet a closed pipe.
    std::thread::spawn(move || lines.count());
    address.expect("an address")
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
