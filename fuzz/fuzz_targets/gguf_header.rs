//! Reads whatever bytes it is given as a model file, and describes it where that works. Nothing may panic, and nothing may
//! allocate much. Start it with the seed:
//!
//! `cargo +nightly fuzz run gguf_header fuzz/corpus/gguf_header fuzz/seeds/gguf_header -- -malloc_limit_mb=64`
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use workly_perf::llm::gguf::Gguf;
use workly_perf::llm::{GpuProfile, ModelFacts};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(gguf) = Gguf::read(Cursor::new(bytes)) {
        let _ = ModelFacts::of(&gguf, GpuProfile::built_in());
    }
});
