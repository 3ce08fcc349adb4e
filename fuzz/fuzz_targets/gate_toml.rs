//! Any text as a gate of `compare`, and as a selection of cases.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::compare::{Gate, Selection};

fuzz_target!(|text: &str| {
    let _ = Gate::parse(text);
    let _ = Selection::of(text);
});
