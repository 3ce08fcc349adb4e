//! Runs of `launch`: what they record next to the calls, and how other commands use them.

use std::process::{Command, Stdio};

use serde_json::{Value, json};
use workly_perf::record::{MetricStatus, RecordFolder};

use super::settings::{application, launch, place, printed, python, said};
use crate::harness::run::{case, figure};
use crate::studies::pipeline::measured;

/// A configuration of the application with settings.
fn config(model: &str, context_limit: u64) -> String {
    json!({
        "ai": {"model_path": model, "gpu_profile": "cpu_fallback", "system_prompt": "Tu es Kira.",
               "context_limit": context_limit, "max_tokens": 64},
        "performance": {"n_threads": 1, "n_ctx": 1024},
    })
    .to_string()
}

#[test]
fn settings_never_shorten_the_context_below_the_configured_prompts() {
    let Some(python) = python() else { return };
    let place = place(&json!({}));
    for (context_limit, n_ctx) in [(1, 1024), (10, 2048)] {
        place.write("my app/data/config.json", &config("models/model.gguf", context_limit));
        let output = application(&place, &python, "").output().unwrap();
        let found = printed(&output);
        assert_eq!((&found["n_threads"], &found["n_ctx"]), (&json!(1), &json!(n_ctx)), "{}", said(&output));
        let said = said(&output);
        assert_eq!(said.contains("n_ctx stays 2048: its prompts may need"), n_ctx == 2048, "{said}");
    }
}

#[test]
fn settings_for_one_model_are_not_applied_to_another() {
    let Some(python) = python() else { return };
    let place = place(&json!({}));
    place.write("my app/data/config.json", &config("models/other.gguf", 1));
    let output = application(&place, &python, "").output().unwrap();
    assert_eq!(printed(&output)["n_threads"], 2);
    let said = said(&output);
    assert!(said.contains("model.gguf is left as the application has it: the settings are for other.gguf"), "{said}");
    place.write("run/recommendation.json", &crate::decide::apply::recommendation("balanced", 1).to_string());
    let output = application(&place, &python, "--profile run").output().unwrap();
    assert_eq!(printed(&output)["n_threads"], 2, "the configuration's model also applies to a recommendation");
}

#[test]
fn scene_process_is_recorded_and_missing_figures_have_reasons() {
    let Some(python) = python() else { return };
    let place = place(&json!({}));
    let mut scene = Command::new(&python)
        .args(["-c", "input()"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let line = format!("--no-settings --measure 10m --scene {} --out with", scene.id());
    let output = application(&place, &python, &line).output().unwrap();
    printed(&output);
    drop(scene.stdin.take());
    scene.wait().unwrap();
    let run = RecordFolder::read(&place.path("with")).unwrap();
    assert!(figure(&run, "scene", "resident_max").unwrap() > 0.0, "{:?}", case(&run, "scene"));
    assert!(figure(&run, "scene", "cpu").is_some(), "{:?}", case(&run, "scene"));
    if cfg!(target_os = "linux") && std::path::Path::new("/proc/self/schedstat").exists() {
        assert!(figure(&run, "scene", "main_wait").is_some(), "{:?}", case(&run, "scene"));
    }
    let memory = case(&run, "memory");
    let vram = memory.metric("vram_process").unwrap();
    assert!(vram.value.is_some() || vram.status != MetricStatus::Ok, "{memory:?}");
    assert!(memory.notes.iter().any(|note| note.contains("GPU memory")), "{memory:?}");

    let output =
        application(&place, &python, "--no-settings --measure 10m --scene no-such-avatar --out none").output().unwrap();
    printed(&output);
    let run = RecordFolder::read(&place.path("none")).unwrap();
    let scene = case(&run, "scene");
    assert!(scene.metrics.iter().all(|metric| metric.status == MetricStatus::NotMeasured), "{scene:?}");
    assert!(scene.notes[0].contains("No process no-such-avatar was found"), "{scene:?}");
}

#[test]
fn recommend_and_pipeline_use_parameters_of_a_run_without_settings() {
    let Some(python) = python() else { return };
    let place = place(&json!({}));
    printed(&application(&place, &python, "--no-settings --measure 10m --out before").output().unwrap());

    let outcome = place.run("recommend --from before --model synth:demo --vram 0 --out rec");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let text = std::fs::read_to_string(place.path("rec/recommendation.json")).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    let choice = |setting: &str| {
        let choices = found["choices"].as_array().unwrap();
        choices.iter().find(|choice| choice["setting"] == setting).unwrap().clone()
    };
    assert_eq!(choice("n_threads")["application"], 2, "measured, not taken from the profile");
    assert_eq!(choice("n_batch")["application"], 256);
    let in_place = found["in_place"].as_array().unwrap();
    assert_eq!((&in_place[0]["metric"], &in_place[1]["metric"]), (&json!("mean"), &json!("avg_ts")));
    assert!(outcome.stdout.contains("In use (run "), "{}", outcome.stdout);

    let quick = "--paced 5000:500 --bridge embedded:fps=unpaced --turns 1 --reply-tokens 2";
    let (outcome, run) = measured(&place, &format!("{quick} --before before --after before,n_threads=1"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let settings = |path: &str| case(&run, path).conditions["settings"].clone();
    let (before, after) = (settings("before/turns"), settings("after/turns"));
    assert_eq!((&before["n_threads"], &before["n_ctx"], &before["n_batch"]), (&json!(2), &json!(2048), &json!(256)));
    assert_eq!((&before["react"], &after["n_threads"]), (&json!("end"), &json!(1)));
    assert!(before["source"].as_str().unwrap().starts_with("in force in "), "{before}");
}

#[test]
fn run_without_calls_has_no_parameters_for_pipeline() {
    let Some(python) = python() else { return };
    let place = place(&json!({}));
    let words = [&*python.to_string_lossy(), "-c", "print('ran')"];
    let output = launch(&place, "--no-settings --measure 10m --out before", &words).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let outcome = place.run("pipeline --paced 100:100 --bridge embedded --before before --out out");
    assert_eq!(outcome.code, Some(5), "{}", outcome.stderr);
    let says = "has no parameters to measure with: the application made no call of the model";
    assert!(outcome.stderr.contains(says) && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
    let report = place.run("report before");
    assert_eq!(report.code, Some(0), "{}", report.stderr);
    assert!(report.stdout.contains("made no call of the model"), "{}", report.stdout);
}
