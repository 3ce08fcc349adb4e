//! Any bytes as a run.json: a run that can be read is shown in every format, and is unchanged after it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::record::{RecordFolder, write_json};
use workly_perf::report::{Detail, RUN_FORMATS, RunPage, SAVED_FORMATS, TOKEN_FORMATS};
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    let Ok(run) = RecordFolder::read(&scratch_file("run.json", bytes)) else { return };
    for width in [60, 120] {
        let page = RunPage { run: &run, width, detail: Detail::All, distributions: &|| Vec::new() };
        for exporter in RUN_FORMATS.iter().chain(&TOKEN_FORMATS).chain(&SAVED_FORMATS) {
            // A page may lack what a format requires.
            let _ = exporter.export(&page);
            let _ = exporter.left_out(&page);
        }
    }
    let mut text = Vec::new();
    write_json(&mut text, &run).expect("what was read can be written");
    let again = RecordFolder::read(&scratch_file("again.json", &text)).expect("what was written can be read");
    assert_eq!(run, again);
});
