//! Any bytes as a run.json: a parsed run is shown in every format, and round-trips unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::record::{RecordFolder, write_csv, write_json};
use workly_perf::report;
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    let Ok(run) = RecordFolder::read(&scratch_file("run.json", bytes)) else { return };
    for width in [60, 120] {
        let _ = report::table(&run, width);
    }
    let _ = report::markdown(&run);
    let _ = report::html(&run, &[]);
    let _ = report::llama_bench_csv(&run);
    let _ = report::llama_bench_markdown(&run);
    let _ = write_csv(&mut Vec::new(), &run);
    let mut text = Vec::new();
    write_json(&mut text, &run).expect("a parsed run can be written");
    let again = RecordFolder::read(&scratch_file("again.json", &text)).expect("a written run can be read");
    assert_eq!(run, again);
});
