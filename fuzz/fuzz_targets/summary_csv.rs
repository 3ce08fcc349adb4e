//! Any bytes as a summary.csv: read row by row, and as runs for `compare` and `history`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::record::{read_csv, read_runs};
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    let file = scratch_file("summary.csv", bytes);
    if let Err(error) = read_csv(&file) {
        assert!(!error.to_string().is_empty());
    }
    let _ = read_runs(&file, &|_| true);
});
