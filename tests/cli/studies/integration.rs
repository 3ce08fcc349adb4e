//! The founding document's integration tests, with its names, on embedded defaults. They check behaviour, never speed.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::{Map, Value, json};
use workly_perf::advise::gpu_rules;
use workly_perf::bridge::server::EmbeddedBridge;
use workly_perf::bridge::{Client, Dialect, Endpoint, Message};
use workly_perf::record::{CaseState, RecordFolder, Run, RunState};

use crate::harness::run::{Place, case, figure};

fn with_model() -> Place {
    let place = Place::new();
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    place
}

fn pipeline(place: &Place, line: &str) -> Run {
    let outcome = place.run(&format!("pipeline --model tiny.gguf --under-load none --quiet --out out {line}"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    RecordFolder::read(&place.path("out")).unwrap()
}

#[test]
fn test_warming_cache_active() {
    let place = with_model();
    let line =
        "--bridge embedded:fps=200 --turns 2 --reply-tokens 4 --no-contention --before app --after app,warm_start=true";
    let run = pipeline(&place, line);
    let warmed = |path: &str| case(&run, path).conditions["warm_up_ms"].as_array().unwrap().clone();
    assert!(warmed("before/first-turn").is_empty(), "the application does not warm up");
    let after = warmed("after/first-turn");
    assert!(
        after.len() == 2 && after.iter().all(|ms| ms.as_f64().unwrap() > 0.0),
        "each first turn was warmed: {after:?}"
    );
}

#[test]
fn test_ipc_batching() {
    let bridge = EmbeddedBridge::start("dialect=instrumented,fps=100".parse().unwrap(), 0).unwrap();
    let (dialect, stop) = (Dialect::instrumented(), AtomicBool::new(false));
    let endpoint = Endpoint::Connect(vec![bridge.address()]);
    let mut client = Client::open(endpoint, dialect, Duration::from_secs(20), &stop).unwrap();
    let commands: Vec<(&str, Map<String, Value>)> = (0..10)
        .map(|at| {
            ("set_expression", json!({"name": "joy", "value": f64::from(at) / 10.0}).as_object().unwrap().clone())
        })
        .collect();
    let body = dialect.batch_body(&commands).unwrap();
    let reply = client.exchange(&mut Message::new(dialect, &body, client.wire(), 0), &stop).unwrap();
    assert_eq!(reply.applied, Some(10), "all of them, according to the bridge's counters");
    assert!(reply.frame.is_some(), "in one frame");
    assert_eq!((bridge.counters().received, bridge.counters().applied), (1, 10), "one message, ten commands");
}

#[test]
fn test_cpu_threads_auto_detection() {
    let place = with_model();
    let line = "threads --model tiny.gguf --sweep auto --repetitions 1 --prompt-tokens 8 --gen-tokens 4 --under-load none --quiet \
                --out out";
    assert_eq!(place.run(line).code, Some(0));
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let logical = run.machine.logical_cpus.value().copied().unwrap();
    let rules = run.plan["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 3, "the fixed count and both rules: {rules:?}");
    for rule in rules.iter().skip(1) {
        let threads = rule["threads"].as_u64().unwrap();
        assert!((1..=logical.max(2)).contains(&threads), "{rule}");
    }
    assert!(run.findings[0].contains("n_threads ="), "{:?}", run.findings);
}

#[test]
fn test_gpu_profile_selection() {
    let founding = gpu_rules().iter().find(|rule| rule.name.contains("founding")).unwrap();
    let answer = |gib: u64| founding.answer(gib << 30, 6_800_000_000, 33);
    // The document's own names; the application rejects `cpu`, so this program never writes it.
    let names = [24, 8, 4].map(|gib| answer(gib).profile);
    assert_eq!(names, ["performance", "balanced", "cpu"].map(|name| Some(name.to_owned())));
    let layers: Vec<u32> = (1..=48).map(|gib| answer(gib).n_gpu_layers).collect();
    assert!(
        layers.is_sorted() && layers[0] == 0 && layers[47] == 33,
        "more memory never means fewer layers: {layers:?}"
    );
}

#[test]
fn test_full_optimized_pipeline() {
    let place = with_model();
    let line = "--bridge embedded:dialect=instrumented,fps=200 --turns 2 --reply-tokens 6";
    let run = pipeline(&place, line);
    assert_eq!(run.state, RunState::Complete, "{:?}", run.reason);
    assert_eq!(run.simulated.len(), 2, "synthetic weights and the embedded bridge are both marked");
    for path in ["before/turns", "after/turns"] {
        let turns = case(&run, path);
        assert_eq!(turns.state, CaseState::Ok, "{path}: {:?}", turns.reason);
        for waterfall in turns.conditions["waterfalls"].as_array().unwrap() {
            assert!(waterfall["visible_ms"].is_f64() && waterfall["reply_tokens"] == 6, "{waterfall}");
        }
    }
    assert_eq!(
        case(&run, "after/turns").conditions["settings"]["reaction"],
        "expression",
        "a recommendation changes settings but not the application's messages"
    );
    assert!(figure(&run, "contention/model+bridge+render", "tokens_per_s").unwrap() > 0.0);
}

#[test]
fn test_memory_stability() {
    let place = with_model();
    let line = "memory --model tiny.gguf --messages 100 --reply-tokens 4 --threads 1 --n-ctx 512 --quiet --out out";
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(0), "no leak over 100 messages: {}\n{}", outcome.stdout, outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let conversation = case(&run, "conversation");
    assert_eq!(conversation.state, CaseState::Ok, "{:?}", conversation.reason);
    assert_ne!(conversation.conditions["leak"]["verdict"], "leak");
    #[cfg(target_os = "linux")]
    {
        let anonymous_bytes = figure(&run, "step/6-second-reply", "anonymous").unwrap();
        assert!(anonymous_bytes > 0.0 && anonymous_bytes < 1e9, "the founding limit of 1,000 MB: {anonymous_bytes}");
    }
}

/// The CSV alone must prevent comparing runs of different models.
#[test]
fn runs_of_different_models_are_not_compared() {
    let place = Place::new();
    for (name, seed) in [("one", 1), ("other", 2)] {
        assert_eq!(place.run(&format!("model synth tiny --seed {seed} -o {name}.gguf --quiet")).code, Some(0));
        for line in [
            "pipeline --bridge embedded:fps=200 --under-load none --no-contention --turns 1 --reply-tokens 2 --after none",
            "memory --messages 2 --reply-tokens 2 --threads 1 --n-ctx 512",
        ] {
            let command = line.split(' ').next().unwrap();
            let outcome = place.run(&format!("{line} --model {name}.gguf --quiet --out {command}-{name}"));
            assert!(matches!(outcome.code, Some(0 | 4)), "{}", outcome.stderr);
        }
    }
    for command in ["pipeline", "memory"] {
        let refused = place.run(&format!("compare {command}-one/summary.csv {command}-other/summary.csv"));
        assert_eq!(refused.code, Some(4), "{command}: {}", refused.stdout);
        assert!(refused.stderr.contains("Not compared: subject: BASE has"), "{command}: {}", refused.stderr);
    }
}
