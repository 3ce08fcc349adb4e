//! Any bytes as a session recorded by `tap`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use workly_perf::record::{SessionEvent, read_session};
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    let Ok(session) = read_session(&scratch_file("session.jsonl", bytes)) else { return };
    for line in session.lines {
        if let SessionEvent::Message(message) = line.event {
            let _ = message.content();
        }
    }
});
