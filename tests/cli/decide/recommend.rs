//! `recommend`: what it concludes from saved runs, what it measures itself, and what it leaves unchanged.

use std::path::Path;

use serde_json::{Value, json};
#[cfg(feature = "llama")]
use workly_perf::record::{CaseState, RecordFolder};

use crate::harness::run::{Outcome, Place};

/// A real sweep next to a render-like load: one thread generates fastest, two process prompts fastest; without the
/// load, two.
const SWEEP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/reference/threads-demo-2cores");

const ROUND_TRIPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results/reference/ipc-embedded-2cores");

/// Runs it with the record in `out`, and reads its recommendation.
fn recommended(place: &Place, line: &str) -> (Outcome, Value) {
    let _ = std::fs::remove_dir_all(place.path("out"));
    // Saved runs only, unless the test is about measuring.
    let measures = ["--quick", "--thorough", "--from"].iter().any(|flag| line.contains(flag));
    let saved = if measures { "" } else { "--no-measure " };
    let outcome = place.run(&format!("recommend {saved}--out out {line}"));
    assert_eq!(outcome.code, Some(0), "{line}: {}", outcome.stderr);
    let text = std::fs::read_to_string(place.path("out/recommendation.json")).unwrap();
    (outcome, serde_json::from_str(&text).unwrap())
}

fn choice<'a>(recommendation: &'a Value, setting: &str) -> &'a Value {
    let choices = recommendation["choices"].as_array().unwrap();
    choices.iter().find(|choice| choice["setting"] == setting).unwrap()
}

#[test]
fn sweep_with_a_clear_best_is_followed_and_cited() {
    let place = Place::new();
    let (outcome, found) = recommended(&place, &format!("--model synth:demo --from {SWEEP} {ROUND_TRIPS} --vram 0"));
    let threads = choice(&found, "n_threads");
    assert_eq!(
        (&threads["value"], &threads["basis"], &threads["confidence"]),
        (&json!(1), &json!("measured"), &json!("sure"))
    );
    assert_eq!((&threads["margin"]["runner_up"], &threads["margin"]["n"]), (&json!(2), &json!(10)));
    assert!(threads["margin"]["interval"][1].as_f64().unwrap() < 1.0, "{threads}");
    let evidence = &threads["evidence"][0];
    assert_eq!((&evidence["case"], &evidence["n"]), (&json!("render/tg64/threads=1"), &json!(10)));
    assert!(evidence["run"].as_str().unwrap().contains("-threads-"));
    assert_eq!(choice(&found, "n_threads_batch")["value"], 2);
    assert_eq!(choice(&found, "gpu_profile")["value"], "cpu_fallback");
    let mode = choice(&found, "ipc_mode");
    assert_eq!((&mode["basis"], &mode["evidence"][0]["metric"]), (&json!("measured"), &json!("mean")));
    assert!(outcome.stdout.contains("SIMULATED"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("n_threads ") && outcome.stdout.contains("2: "), "{}", outcome.stdout);
    assert!(outcome.stderr.contains("workly-perf apply"), "{}", outcome.stderr);

    // What is obeyed by whom: the application reads its profile, and takes the threads from it, whatever is
    // recommended.
    assert_eq!(choice(&found, "gpu_profile")["obeyed_by"], "application");
    assert_eq!((&threads["obeyed_by"], &threads["application"]), (&json!("launcher"), &json!(8)));
    assert_eq!(choice(&found, "n_ctx")["application"], 2048);
    assert_eq!(choice(&found, "flash_attn")["value"], "off");
    assert_eq!((&found["application"]["from"], &found["application"]["to"]["n_threads"]), (&Value::Null, &json!(8)));
    let report = std::fs::read_to_string(place.path("out/report.md")).unwrap();
    for page in [&outcome.stdout, &report] {
        for said in ["obeyed by", "nobody yet", "the application", "the app uses"] {
            assert!(page.contains(said), "no {said} in {page}");
        }
        let line = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(line.contains("n_threads = 1 (with launch; without it the application uses 8)"), "{page}");
        assert!(line.contains("With cpu_fallback the application runs with 8 threads"), "{page}");
    }

    let (_, fast) = recommended(&place, &format!("--model synth:demo --from {SWEEP} --objective fast"));
    let threads = choice(&fast, "n_threads");
    assert_eq!((&threads["value"], &threads["evidence"][0]["case"]), (&json!(2), &json!("idle/tg64/threads=2")));
}

#[test]
fn warmup_run_shows_the_saving_of_a_warm_start() {
    let place = Place::new();
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/results/reference/warmup-demo-2cores");
    let (outcome, found) = recommended(&place, &format!("--model synth:demo --vram 0 --from {run}"));
    let start = choice(&found, "warm_start");
    // The run started at a load average of 3.55 on 2 CPUs: its difference is beyond the noise, but not sure for that
    // reason.
    assert_eq!(
        (&start["value"], &start["basis"], &start["confidence"]),
        (&json!(true), &json!("measured"), &json!("likely"))
    );
    assert!(start["reason"].as_str().unwrap().contains("load average was 3.5 on 2 CPUs"), "{start}");
    assert!(outcome.stdout.contains("DISTURBED: in "), "{}", outcome.stdout);
    assert_eq!((&start["evidence"][0]["metric"], &start["evidence"][0]["n"]), (&json!("saved"), &json!(10)));
    assert!(start["reason"].as_str().unwrap().contains("199 ms [157, 242] earlier"), "{start}");
    assert!(!outcome.stdout.contains("run warmup"), "{}", outcome.stdout);
}

#[test]
fn ways_to_send_are_chosen_by_their_comparison() {
    let place = Place::new();
    for (out, bridge, study) in [
        ("stock", "embedded:fps=200", "--reaction --messages 10 --rounds 8"),
        ("batches", "embedded:dialect=batch,fps=200", "--batch 1,10 --messages 60 --rounds 6 --offered 400"),
    ] {
        let line = format!("ipc --bridge {bridge} {study} --seed 3 --out {out} --quiet");
        assert_eq!(place.run(&line).code, Some(0), "{line}");
    }
    let (outcome, found) = recommended(&place, "--model synth:demo --vram 0 --from stock batches");
    let mode = choice(&found, "ipc_mode");
    // Workly's own way: no gain is claimed over waiting for replies, which it never does.
    assert_eq!((&mode["value"], &mode["basis"]), (&json!("no_wait"), &json!("measured")), "{mode}");
    assert!(mode["margin"].is_null(), "{mode}");
    assert!(mode["reason"].as_str().unwrap().contains("does not wait for a reply: it is applied after"), "{mode}");
    let cases: Vec<_> = mode["evidence"].as_array().unwrap().iter().map(|one| one["case"].clone()).collect();
    assert_eq!(cases, ["reaction/app:1", "reaction/request:10", "reaction/pipelined:10"]);
    // The later application's bridge acknowledges batches without applying them.
    let window = choice(&found, "batch_window_ms");
    assert_eq!((&window["value"], &window["basis"]), (&json!(0), &json!("measured")), "{window}");
    assert!(window["reason"].as_str().unwrap().contains("no sign that it executes"), "{window}");
    assert!(!outcome.stdout.contains("run ipc --reaction"), "{}", outcome.stdout);
}

/// The sweep, with the figures of every round redrawn, far apart.
fn noisy_sweep(place: &Place) {
    use rand::{RngExt, SeedableRng};

    let mut rng = rand::rngs::StdRng::seed_from_u64(5);
    let text = std::fs::read_to_string(Path::new(SWEEP).join("run.json")).unwrap();
    let mut run: Value = serde_json::from_str(&text).unwrap();
    for case in run["cases"].as_array_mut().unwrap() {
        let drawn: Vec<f64> = (0..10).map(|_| 40.0 + 320.0 * rng.random::<f64>()).collect();
        case["conditions"]["samples_ts"] = json!(drawn);
    }
    place.write("noisy/run.json", &run.to_string());
}

#[test]
fn noisy_sweep_shows_no_difference_and_keeps_current_settings() {
    let place = Place::new();
    noisy_sweep(&place);
    let before = r#"{"ai": {"gpu_profile": "balanced"}, "performance": {"n_threads": 4}}"#;
    place.write("data/config.json", before);
    let (_, found) = recommended(&place, "--model synth:demo --from noisy --vram 0");
    for setting in ["n_threads", "n_threads_batch"] {
        let threads = choice(&found, setting);
        assert_eq!((&threads["value"], &threads["confidence"]), (&Value::Null, &json!("no_difference")), "{threads}");
    }
    assert!(choice(&found, "n_threads")["reason"].as_str().unwrap().contains("your value of 4 is kept"));
    assert_eq!(place.run("apply out --yes --quiet").code, Some(0));
    let after: Value = serde_json::from_str(&std::fs::read_to_string(place.path("data/config.json")).unwrap()).unwrap();
    assert_eq!((&after["performance"]["n_threads"], &after["ai"]["gpu_profile"]), (&json!(4), &json!("cpu_fallback")));
    assert_eq!(after["performance"]["provenance"]["basis"]["n_threads"], Value::Null);
}

#[test]
fn write_flag_shows_applies_and_keeps_a_version() {
    let place = Place::new();
    let before = "{\n  \"ai\": {\n    \"gpu_profile\": \"performance\"\n  }\n}\n";
    place.write("data/config.json", before);
    let (outcome, _) = recommended(&place, &format!("--model synth:demo --vram 0 --from {SWEEP} --write"));
    assert!(outcome.stdout.contains("+    \"gpu_profile\": \"cpu_fallback\""), "{}", outcome.stdout);
    let after: Value = serde_json::from_str(&std::fs::read_to_string(place.path("data/config.json")).unwrap()).unwrap();
    assert_eq!((&after["ai"]["gpu_profile"], &after["performance"]["n_threads"]), (&json!("cpu_fallback"), &json!(1)));
    assert_eq!(after["performance"]["provenance"]["simulated"], true);
    assert_eq!(place.run("apply --undo --yes --quiet").code, Some(0));
    assert_eq!(std::fs::read_to_string(place.path("data/config.json")).unwrap(), before);

    for unwritable in ["{\"ai\": ", "\u{feff}{}", r#"{"ai": {"model_path": null}}"#] {
        place.write("data/config.json", unwritable);
        let refused = place.run("recommend --quick --bridge embedded --write data/config.json");
        assert_eq!(refused.code, Some(5), "{}", refused.stderr);
        assert!(!place.path("results").exists(), "nothing was measured for a file that cannot be written");
    }
}

#[test]
fn change_from_balanced_to_cpu_fallback_is_stated_in_threads() {
    let place = Place::new();
    place.write("data/config.json", r#"{"ai": {"gpu_profile": "balanced"}}"#);
    let (outcome, found) = recommended(&place, &format!("--model synth:demo --vram 0 --from {SWEEP}"));
    let threads = |when: &str| found["application"][when]["n_threads"].clone();
    assert_eq!((threads("from"), threads("to")), (json!(6), json!(8)));
    assert!(outcome.stdout.contains("8 threads") && outcome.stdout.contains("6 threads"), "{}", outcome.stdout);
    // A file rejected by the application says nothing about its current settings.
    place.write("data/config.json", "\u{feff}{\"ai\": {\"gpu_profile\": \"balanced\"}}");
    let (outcome, found) = recommended(&place, &format!("--model synth:demo --vram 0 --from {SWEEP}"));
    assert_eq!(found["application"]["from"], Value::Null);
    assert!(
        outcome.stderr.contains("byte order mark") && outcome.stderr.contains("runs on its defaults"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn missing_inputs_are_listed_as_not_known() {
    let place = Place::new();
    let (outcome, found) = recommended(&place, "");
    assert!(outcome.stderr.contains("no model is given"), "{}", outcome.stderr);
    assert_eq!(choice(&found, "gpu_profile")["value"], Value::Null);
    assert_eq!(choice(&found, "n_threads")["basis"], "rule");
    let not_known = found["not_known"].as_array().unwrap();
    assert!(not_known.iter().any(|sentence| sentence.as_str().unwrap().contains("thread count")), "{not_known:?}");
    assert_eq!(place.run("recommend --from nowhere").code, Some(5));
    assert_eq!(place.run("recommend --quick --from x").code, Some(2));
    assert_eq!(place.run("recommend --vram lots").code, Some(2));
}

#[test]
fn runs_of_other_machines_or_models_are_named() {
    let place = Place::new();
    let text = std::fs::read_to_string(Path::new(SWEEP).join("run.json")).unwrap();
    let mut run: Value = serde_json::from_str(&text).unwrap();
    run["machine"]["fingerprint"] = json!("0123456789abcdef");
    place.write("other/run.json", &run.to_string());
    let (outcome, _) = recommended(&place, "--model synth:tiny --from other");
    assert!(
        outcome.stderr.contains("another machine") && outcome.stderr.contains("another model"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn missing_figures_are_measured_once() {
    let place = Place::new();
    let (_, first) = recommended(&place, "--quick --bridge embedded:fps=240");
    let mode = choice(&first, "ipc_mode");
    let n: Vec<_> = mode["evidence"].as_array().unwrap().iter().map(|one| one["n"].clone()).collect();
    assert_eq!((&mode["basis"], &n[..]), (&json!("measured"), &[json!(8), json!(8), json!(8), json!(150)][..]));
    assert_eq!(first["simulated"][0]["what"], "embedded bridge");
    let runs = || std::fs::read_dir(place.path("results/local")).unwrap().count();
    let measured = runs();
    let (outcome, again) = recommended(&place, "--quick --bridge embedded:fps=240");
    assert_eq!(runs(), measured, "a saved run is used again: {}", outcome.stderr);
    assert_eq!(choice(&again, "ipc_mode"), mode);
}

/// Whether a sweep below a folder measured the generation of every setting.
#[cfg(feature = "llama")]
fn has_whole_sweep(folder: &Path) -> bool {
    let folders = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let runs = folders.filter_map(|entry| RecordFolder::read(&entry.path()).ok());
    runs.filter(|run| run.command == "threads").any(|run| {
        let mut generation = run.cases.iter().filter(|case| case.conditions["test"] == "tg").peekable();
        generation.peek().is_some() && generation.all(|case| case.state != CaseState::NotMeasured)
    })
}

#[cfg(feature = "llama")]
#[test]
fn missing_sweep_is_measured_even_without_a_bridge() {
    let place = Place::new();
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let (outcome, found) =
        recommended(&place, &format!("--quick --model tiny.gguf --vram 4 --bridge 127.0.0.1:{port}"));
    let threads = choice(&found, "n_threads");
    // On a busy machine the budget may end before every setting was measured once: such a sweep decides nothing.
    if has_whole_sweep(&place.path("results/local")) {
        assert_eq!(threads["basis"], "measured", "{}", outcome.stderr);
        assert!(threads["evidence"][0]["case"].as_str().unwrap().starts_with("render/tg32/"), "{threads}");
    } else {
        assert_eq!(threads["basis"], "rule", "{}", outcome.stderr);
    }
    assert_eq!(choice(&found, "ipc_mode")["basis"], "rule");
    assert_eq!(
        (&choice(&found, "gpu_profile")["value"], &choice(&found, "gpu_profile")["basis"]),
        (&json!("performance"), &json!("projected"))
    );
}
