#!/usr/bin/env bash
# The percentile iterator of the Rust crate `hdrhistogram` returns the sample after the one of its level.
#
# What:     hdrhistogram 7.6.0 (Rust crate), Histogram::iter_quantiles.
# Expected: of the values 1 to 100, the row of the 60th percentile has 60, as in Java's HdrHistogram.
# Happens:  it has 61, and about a quarter of all rows are off in the same way. The iterator adds steps of 0.05 and arrives at
#           0.6000000000000001, so it skips the value whose share is exactly 0.6. A .hgrm file prints the level as 0.600000, which hides
#           the cause. value_at_quantile(0.6) of the same histogram returns 60.
# Affected: anyone who plots or compares the .hgrm file of a case. Files of 100 samples differ from those of other tools by a sample.
# Solution: workly-perf counts the levels of .hgrm files by rank, and does not use this iterator (docs/FORMATS.md).
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
hdrhistogram = { version = "=7.6.0", default-features = false }
TOML
cat >"$work/src/main.rs" <<'RUST'
use hdrhistogram::Histogram;

fn main() {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    (1..=100).for_each(|value| histogram.record(value).unwrap());
    let (mut rows, mut off) = (0, 0);
    for row in histogram.iter_quantiles(5) {
        let level = row.quantile_iterated_to();
        // The level as a .hgrm file prints it; the nearest rank of 100 samples is also the value.
        let printed = (level * 1e6).round() / 1e6;
        let exact = ((printed * 1e8).round() / 1e6).ceil().max(1.0) as u64;
        let direct = histogram.value_at_quantile(printed);
        rows += 1;
        if row.value_iterated_to() != exact {
            off += 1;
            let row = row.value_iterated_to();
            println!("level {printed:.6} ({level}): row {row}, value_at_quantile {direct}, exact {exact}");
        }
    }
    println!("{off} of {rows} rows do not have the value of their level");
    std::process::exit(i32::from(off == 0));
}
RUST
echo "hdrhistogram 7.6.0, $(cargo --version)"
cargo run --quiet --manifest-path "$work/Cargo.toml" --target-dir "$work/target" ||
    { echo "CHANGED: every row has the value of its level"; exit 1; }
