//! Any bytes as a histogram log: figures of its histograms are computed, without unbounded allocation.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::record::{read_hlog, write_hgrm};
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    let Ok(rows) = read_hlog(&scratch_file("a.hlog", bytes)) else { return };
    for (_, histogram) in rows {
        let _ = (histogram.len(), histogram.max(), histogram.value_at_quantile(0.99));
        write_hgrm(&mut Vec::new(), &histogram).expect("a distribution can be written");
    }
});
