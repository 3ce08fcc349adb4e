//! The studies of `ipc` against the C# bridge of `scripts/unity`, under Mono.

use workly_perf::record::{CaseState, Run};

use crate::harness::mono::MonoBridge;
use crate::harness::run::{Place, case, figure};

fn studied(bridge: &MonoBridge, line: &str) -> Run {
    let dialect = if line.contains("--dialect") { "" } else { "--dialect instrumented" };
    let known = format!("--bridge {} {dialect} --warmup 2 --seed 1 --timeout 20s", bridge.address());
    let (outcome, run) = Place::new().ipc(&format!("{known} {line}"));
    assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
    assert!(run.cases.iter().all(|case| case.state == CaseState::Ok), "{line}: {:?}", run.cases);
    run
}

#[test]
fn every_study_runs_against_the_c_sharp_bridge() {
    let mut bridge = MonoBridge::start(&["fps=100".into()]);
    let run = studied(&bridge, "--breakdown --messages 12");
    let whole = figure(&run, "applied/breakdown/whole", "mean").unwrap();
    let wait = figure(&run, "applied/breakdown/frame_wait", "mean").unwrap();
    assert!((0.0..=whole).contains(&wait), "frame wait {wait} of {whole}");

    let quick = "--rounds 1 --messages 25 --offered 300";
    let run = studied(&bridge, &format!("--reaction 4 {quick}"));
    for (way, frames) in [("request", 4.0), ("batch", 1.0)] {
        let case = format!("reaction/{way}:4");
        assert!(figure(&run, &case, "frames").unwrap() >= frames, "{case}");
    }
    assert_eq!(figure(&run, "reaction/batch:4", "frames"), Some(1.0), "a batch is applied in one frame");
    let run = studied(&bridge, &format!("--mode {quick}"));
    assert_eq!(figure(&run, "mode/fire-and-forget", "delivered"), Some(100.0));
    let run = studied(&bridge, &format!("--batch 1,5 {quick}"));
    assert!(run.findings[0].starts_with("Batches are applied: its reply counts 3 of 3"), "{:?}", run.findings);
    // In the current application's format, it acknowledges a batch at once, as later versions of the application's
    // bridge do without applying it.
    let run = studied(&bridge, &format!("--batch 1,5 --dialect batch {quick}"));
    assert!(run.findings[0].contains("is unknown"), "{:?}", run.findings);
    let run = studied(&bridge, &format!("--codec {quick}"));
    assert!(figure(&run, "codec/msgpack/batch-10", "p50").is_some());
    let run = studied(&bridge, &format!("--tcp nodelay,split-writes {quick}"));
    assert!(case(&run, "tcp/split-writes").metric("p50_ratio").is_some());
    assert_eq!(bridge.state()["avatar"]["expressions"].as_object().map(serde_json::Map::len), Some(0));
}
