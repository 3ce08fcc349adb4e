#!/usr/bin/env bash
# serde_json does not read back the numbers that it wrote: one in eleven changes in its last digit.
#
# What:     serde_json 1.0.154 (Rust crate) with its default features.
# Expected: it writes the shortest text that represents the f64 exactly (it does), and reads the same f64 from it.
# Happens:  about 9 % of all numbers from 0 to 100 come back one bit off. `str::parse` of the same text is exact. A second round
#           changes nothing further, so a test that starts with a file detects no difference.
# Affected: anyone who compares a saved run with the run in memory, or the JSON of a record with its CSV, for equality; a gate of
#           exactly 0 % regresses because of the format alone.
# Solution: workly-perf enables the feature `float_roundtrip` (Cargo.toml).
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
serde_json = "=1.0.154"
TOML
cat >"$work/src/main.rs" <<'RUST'
fn main() {
    const NUMBERS: u32 = 100_000;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let (mut changed, mut text_wrong, mut moved_again) = (0, 0, 0);
    for _ in 0..NUMBERS {
        // Xorshift: the same numbers in every run, spread evenly from 0 to 100.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let number = (state >> 11) as f64 / (1_u64 << 53) as f64 * 100.0;
        let text = serde_json::to_string(&number).unwrap();
        let read: f64 = serde_json::from_str(&text).unwrap();
        let again: f64 = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        text_wrong += u32::from(text.parse::<f64>().unwrap() != number);
        moved_again += u32::from(again != read);
        if read != number {
            changed += 1;
            if changed == 1 {
                println!("written {text}, read {read}");
            }
        }
    }
    println!("{changed} of {NUMBERS} changed when read, {moved_again} again in a second round; {text_wrong} were written wrong");
    std::process::exit(i32::from(changed == 0 || text_wrong > 0));
}
RUST
echo "serde_json 1.0.154, $(cargo --version)"
cargo run --quiet --manifest-path "$work/Cargo.toml" --target-dir "$work/target" || { echo "CHANGED: all numbers are read back unchanged"; exit 1; }
