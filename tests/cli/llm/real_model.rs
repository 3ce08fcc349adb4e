//! Commands that run a model, on a real one: real weights, a real vocabulary, its own chat template. It is a download
//! of 93 MB, so `scripts/test` fetches it first and runs these with `--ignored`, or reports that they are skipped.

use workly_perf::record::{CaseState, RecordFolder, Run, RunState};

use crate::harness::run::{Place, case, figure};

// One thread unless the test is about several: on a busy machine, threads that wait for each other take minutes.

/// Runs a command with the fetched model in a separate folder, and reads its record.
fn measured(line: &str) -> (Place, Run) {
    // Next to the build: temporary folders may be in memory.
    let place = Place::within(env!("CARGO_TARGET_TMPDIR"));
    let outcome = place.run(&format!("{line} --model smollm2 --quiet --out out"));
    assert_eq!(outcome.code, Some(0), "{line}\n{}\n{}", outcome.stdout, outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.state, RunState::Complete, "{:?}", run.reason);
    assert_eq!(run.subject["model_filename"], "SmolLM2-135M-Instruct.Q4_1.gguf", "{}", run.subject);
    let synthetic = run.simulated.iter().find(|simulation| simulation.what == "synthetic weights");
    assert!(synthetic.is_none(), "real weights are not marked: {synthetic:?}");
    (place, run)
}

#[test]
#[ignore = "needs the model smollm2 (workly-perf model fetch smollm2): scripts/test runs it"]
fn threads_measures_a_real_model() {
    let (_, run) = measured(
        "threads --sweep 1,2 --depth 0 --exhaustive --repetitions 1 --prompt-tokens 8 --gen-tokens 4 --under-load none",
    );
    assert!(run.simulated.is_empty(), "{:?}", run.simulated);
    assert_eq!(run.subject["model_n_params"], 134_515_008, "{}", run.subject);
    for path in ["idle/pp8/threads=1", "idle/pp8/threads=2", "idle/tg4/threads=1", "idle/tg4/threads=2"] {
        assert_eq!(case(&run, path).state, CaseState::Ok, "{path}");
        assert!(figure(&run, path, "avg_ts").unwrap() > 0.0, "{path}");
    }
}

#[test]
#[ignore = "needs the model smollm2 (workly-perf model fetch smollm2): scripts/test runs it"]
fn memory_measures_a_real_model() {
    let (_, run) = measured("memory --messages 2 --reply-tokens 2 --threads 1 --n-ctx 512");
    assert!(run.simulated.is_empty(), "{:?}", run.simulated);
    assert_eq!(case(&run, "conversation").state, CaseState::Ok);
    #[cfg(target_os = "linux")]
    {
        let file_backed = |step: &str| figure(&run, &format!("step/{step}"), "file_backed").unwrap();
        assert!(file_backed("3-model") > file_backed("2-backend"), "the weights are mapped");
        assert!(figure(&run, "step/4-context", "projected").unwrap() > 0.0);
    }
}

#[test]
#[ignore = "needs the model smollm2 (workly-perf model fetch smollm2): scripts/test runs it"]
fn warmup_measures_a_real_model() {
    let (_, run) = measured("warmup --study start --runs 1 --later 1 --threads 1 --n-ctx 512 --reply-tokens 2");
    assert!(run.simulated.is_empty(), "{:?}", run.simulated);
    for kind in ["cached", "loaded", "context", "warmed"] {
        let path = format!("start/{kind}");
        assert_eq!(case(&run, &path).state, CaseState::Ok, "{path}");
        assert!(figure(&run, &path, "wait").unwrap() > 0.0, "{path}");
    }
}

#[test]
#[ignore = "needs the model smollm2 (workly-perf model fetch smollm2): scripts/test runs it"]
fn pipeline_measures_a_real_model() {
    let (_, run) = measured(
        "pipeline --bridge embedded:fps=unpaced --turns 1 --reply-tokens 4 --before app,n_threads=1 --after none \
         --under-load none --no-contention",
    );
    assert_eq!(run.simulated.len(), 1, "only the bridge is simulated: {:?}", run.simulated);
    let turns = case(&run, "before/turns");
    assert_eq!(turns.state, CaseState::Ok, "{:?}", turns.reason);
    for waterfall in turns.conditions["waterfalls"].as_array().unwrap() {
        assert!(waterfall["visible_ms"].is_f64() && waterfall["reply_tokens"].as_u64().unwrap() >= 1, "{waterfall}");
    }
}
