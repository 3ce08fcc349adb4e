//! Any text as a gate of `compare`, and as a selection of cases; both are tried on a figure.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::compare::{FigureSelection, Gate};
use workly_perf::record::FigureName;

fuzz_target!(|text: &str| {
    let case = "a".repeat(200);
    let name = FigureName { command: "ipc", case: &case, metric: "p50" };
    let _ = Gate::parse(text).map(|gate| gate.takes(name));
    let _ = FigureSelection::of(text).takes(name);
});
