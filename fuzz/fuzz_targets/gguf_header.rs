//! Any bytes as a model file: read, described, and checked for loading, as far as possible. Must not panic or allocate
//! much.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use workly_perf::llm::gguf::Gguf;
use workly_perf::llm::{GpuProfile, ModelFacts, check_soundness};
use workly_perf_fuzz::scratch_file;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(gguf) = Gguf::read(Cursor::new(bytes)) {
        let _ = ModelFacts::of(&gguf, GpuProfile::built_in());
        let _ = check_soundness(&scratch_file("model.gguf", bytes), &gguf);
    }
});
