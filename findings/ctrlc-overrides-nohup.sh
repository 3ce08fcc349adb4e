#!/usr/bin/env bash
# A program that handles Ctrl-C with the crate `ctrlc` ends with its terminal, even under nohup.
#
# What:     ctrlc 3.5.2 (Rust crate) with its feature `termination`.
# Expected: nohup starts a program with SIGHUP ignored; a handler for Ctrl-C does not change that, like `trap` of sh.
# Happens:  the feature handles SIGHUP whether or not it was ignored, so nohup has no effect: the handler runs when the terminal
#           closes. Without ctrlc the same program continues.
# Affected: anyone who starts a measurement of hours with nohup, such as `workly-perf memory`, and closes the terminal or SSH.
# Solution: workly-perf handles signals without this crate, and keeps SIGHUP ignored if it was when it started (docs/EXIT_CODES.md;
#           src/commands/stop/signals_unix.rs).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.1.0"
edition = "2021"
[dependencies]
ctrlc = { version = "=3.5.2", features = ["termination"] }
TOML
cat >"$work/src/main.rs" <<'RUST'
use std::{env, sync::mpsc, time::Duration};

fn main() {
    let (sender, stopped) = mpsc::channel();
    if env::args().nth(1).as_deref() == Some("listen") {
        let sender = sender.clone();
        ctrlc::set_handler(move || sender.send(()).unwrap()).unwrap();
    }
    println!("ready");
    match stopped.recv_timeout(Duration::from_secs(2)) {
        Ok(()) => println!("stopped"),
        Err(_) => println!("finished"),
    }
}
RUST
echo "ctrlc 3.5.2, $(cargo --version), $(nohup --version | head -n 1)"
cargo build --quiet --manifest-path "$work/Cargo.toml" --target-dir "$work/target"
under_nohup() {
    nohup "$work/target/debug/finding" "$1" >"$work/$1" 2>"$work/errors" </dev/null &
    local program=$!
    until grep -qs ready "$work/$1"; do sleep 0.05; done
    kill -HUP "$program"
    wait "$program"
    tail -n 1 "$work/$1"
}
plain=$(under_nohup plain)
listening=$(under_nohup listen)
echo "SIGHUP under nohup: without ctrlc the program $plain, with ctrlc it $listening"
[[ $plain == finished && $listening == stopped ]] || { echo "CHANGED: ctrlc keeps SIGHUP ignored"; exit 1; }
