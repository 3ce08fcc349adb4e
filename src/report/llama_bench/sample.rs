//! A `threads` run of a tiny model and its cases, for the tests of this module.

use serde_json::json;

use crate::record::{Case, CaseState, Run};

/// A case of llama-bench's `pp16` or `tg8` under a load.
pub(super) fn case(load: &str, test: &str, threads: u64, samples_ns: &[u64]) -> Case {
    let tokens = if test == "pp" { 16 } else { 8 };
    let test_time = if test == "tg" && threads == 2 { "2026-11-23T20:42:19.25Z" } else { "2026-11-23T20:42:18Z" };
    Case {
        path: format!("{load}/{test}{tokens}/threads={threads}"),
        state: CaseState::Ok,
        reason: None,
        duration_s: 0.1,
        conditions: json!({
            "test": test,
            "n_prompt": 16,
            "n_gen": 8,
            "n_depth": 0,
            "n_threads": threads,
            "n_threads_batch": threads,
            "load": load,
            "samples_ns": samples_ns,
            "test_time": test_time,
        }),
        notes: vec![],
        metrics: vec![],
        histograms: vec![],
    }
}

/// One prompt and one generation case, with llama-bench's defaults for settings.
pub(super) fn run() -> Run {
    let mut run = crate::record::sample::run();
    run.command = "threads".into();
    run.simulated.clear();
    run.subject = json!({
        "model_filename": "tiny.gguf",
        "model_type": "llama ?B Q8_0",
        "model_size": 131_840,
        "model_n_params": 123_200,
        "backends": ["CPU"],
        "cpu_info": "Example CPU 3000",
        "gpu_info": "",
        "build_commit": "0c1e570",
        "build_number": 1,
    });
    run.plan = json!({
        "n_batch": 2048,
        "n_ubatch": 512,
        "type_k": "f16",
        "type_v": "f16",
        "n_gpu_layers": -1,
        "flash_attn": "auto",
        "use_mmap": null,
    });
    run.cases = vec![case("idle", "pp", 1, &[261_800, 142_362, 121_972]), case("idle", "tg", 1, &[168_321])];
    run
}
