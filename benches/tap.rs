//! The latency added by a tap: the same exchanges with the same bridge, direct, through a bare relay that only reads
//! and writes, and through a tap, in alternating rounds. Bridge, relay and tap are separate processes, as in use.
//!
//! `cargo bench --bench tap`. Exit code 1 if the limit is exceeded. Needs an idle machine.

#![allow(clippy::print_stdout)] // Its output is its purpose.

mod bare;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;

use bare::{exchanges, serve};

const ROUNDS: usize = 21;
const MESSAGES: usize = 3_000;
const SIZE: usize = 100;
/// Maximum added latency per message through a tap, at the median, in microseconds. A round trip passes it twice.
const LIMIT_US: f64 = 50.0;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "--serve" || word == "--relay") {
        let address =
            if words[at] == "--serve" { serve(SIZE) } else { relay(words[at + 1].parse().expect("an address")) };
        println!("{address}");
        let _ = std::io::stdin().read(&mut [0]);
        return ExitCode::SUCCESS;
    }
    let mut server = this(&["--serve"]);
    let direct = address_in(server.stdout.take().expect("a pipe"), "");
    let mut bare_relay = this(&["--relay", &direct.to_string()]);
    let relayed = address_in(bare_relay.stdout.take().expect("a pipe"), "");
    let folder = tempfile::tempdir().expect("a folder");
    let mut tap = Command::new(env!("CARGO_BIN_EXE_workly-perf"))
        .args(["tap", "--listen", "127.0.0.1:0", "--to", &direct.to_string(), "--out"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tap starts");
    let tapped = address_in(tap.stderr.take().expect("a pipe"), "listening on ");

    let mut taken_ns = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for (address, taken_ns) in [direct, relayed, tapped].into_iter().zip(&mut taken_ns) {
            taken_ns.extend(exchanges(address, &message(), MESSAGES));
        }
    }
    [&mut tap, &mut bare_relay, &mut server].into_iter().for_each(end);
    println!(
        "closed-loop exchanges of {SIZE} B in {ROUNDS} alternating rounds of {MESSAGES} (n {} each), in us:",
        taken_ns[0].len()
    );
    println!("  {:<22} {:>8} {:>8}", "", "p50", "p99");
    let figures = taken_ns.map(|mut taken_ns| {
        taken_ns.sort_unstable();
        [0.5, 0.99].map(|p| at(&taken_ns, p))
    });
    let [plain, relayed, tapped] = figures;
    let added = [0, 1].map(|which| (tapped[which] - plain[which]) / 2.0);
    for (label, [p50, p99]) in [
        ("direct", plain),
        ("through a bare relay", relayed),
        ("through the tap", tapped),
        ("added to a message", added),
    ] {
        println!("  {label:<22} {p50:>8.1} {p99:>8.1}");
    }
    println!("  a round trip passes the tap twice; limit of the median for a message: {LIMIT_US} us");
    if added[0] <= LIMIT_US { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The sample at this share of the sorted ones, in microseconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn at(sorted_ns: &[u64], share: f64) -> f64 {
    sorted_ns[((sorted_ns.len() - 1) as f64 * share) as usize] as f64 / 1e3
}

/// This program again, as a separate process.
fn this(words: &[&str]) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a separate process")
}

/// Relays between any client and that address, without doing anything else. Ends with the process.
fn relay(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for near in listener.incoming() {
            let (near, far) = (near.expect("a client"), TcpStream::connect(to).expect("the server"));
            let handles = [&near, &far].map(|stream| {
                stream.set_nodelay(true).expect("nodelay");
                stream.try_clone().expect("a second handle")
            });
            let [near_too, far_too] = handles;
            thread::spawn(move || pass(near, far));
            thread::spawn(move || pass(far_too, near_too));
        }
    });
    address
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

fn message() -> Vec<u8> {
    let mut line = br#"{"command": "set_expression", "data": {"name": "neutral", "value": 0.0}"#.to_vec();
    line.resize(SIZE - 2, b' ');
    line.extend(b"}\n");
    line
}

/// The address after these words on one of the first lines.
fn address_in(output: impl Read + Send + 'static, words: &str) -> SocketAddr {
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once(words)?.1.split(',').next()?.parse().ok());
    // Keeps reading, so that the writer does not get a closed pipe.
    thread::spawn(move || lines.count());
    address.expect("an address")
}

fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
