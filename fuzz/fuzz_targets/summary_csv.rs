//! Any bytes as a summary.csv: read row by row into the runs of `compare` and `history`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::record::read_runs;
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = read_runs(&scratch_file("summary.csv", bytes), &|_| true) {
        assert!(!error.to_string().is_empty());
    }
});
