//! The formats for other tools' readers: trace events, `OpenMetrics`, hyperfine. Each is read by an independent implementation, and
//! its figures are those of the record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use workly_perf::record::{RecordFolder, Run, TurnStage, Waterfall};

use crate::harness::python::read;
use crate::harness::run::{Place, figure};

fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference").join(name)
}

/// All reference runs.
fn references() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(reference("")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.join("run.json").exists()).collect()
}

/// A record, and what `report` prints of it.
fn report(folder: &Path, format: &str) -> (Run, String) {
    let outcome = Place::new().run(&format!("report {} --format {format}", folder.display()));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    (RecordFolder::read(folder).unwrap(), outcome.stdout)
}

/// The same as a script of `tests/python` reads it.
fn read_by(script: &str, folder: &Path, format: &str) -> (Run, Vec<Value>) {
    let (run, text) = report(folder, format);
    let place = Place::new();
    place.write("report", &text);
    (run, read(script, &place.path("report")).as_array().unwrap().clone())
}

/// The slices of a trace on the first row of each process, by the name of the process.
fn spans(folder: &Path) -> (Run, BTreeMap<String, Vec<Value>>) {
    let (run, slices) = read_by("read_trace.py", folder, "trace");
    let mut spans: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for slice in slices {
        let process = slice["process"].as_str().unwrap().split(" (SIMULATED").next().unwrap().to_owned();
        let is_whole = ["until the expression shows", "mean start", "mean round trip"];
        if is_whole.contains(&slice["thread"].as_str().unwrap()) {
            spans.entry(process).or_default().push(slice);
        }
    }
    (run, spans)
}

fn ms(slice: &Value) -> f64 {
    slice["ns"].as_u64().unwrap() as f64 / 1e6
}

/// Asserts that the slices inside one follow each other without a gap, from its start to its end. Returns their names.
fn stages_of(slice: &Value) -> Vec<&str> {
    let mut end_ns = slice["from_ns"].as_u64().unwrap();
    let inside = slice["inside"].as_array().unwrap();
    for stage in inside {
        assert_eq!(stage["from_ns"], end_ns, "{stage} in {slice}");
        end_ns += stage["ns"].as_u64().unwrap();
    }
    assert_eq!(end_ns, slice["from_ns"].as_u64().unwrap() + slice["ns"].as_u64().unwrap(), "{slice}");
    inside.iter().map(|stage| stage["name"].as_str().unwrap()).collect()
}

/// Half a nanosecond on each side, and rounding errors of the record's milliseconds.
const ROUNDED_MS: f64 = 2e-6;

#[test]
fn trace_of_pipeline_has_every_turn_with_stages_that_add_up() {
    for name in ["pipeline-demo-2cores", "pipeline-zephyr-7b-2cores"] {
        let (run, spans) = spans(&reference(name));
        let mut turns_seen = 0;
        for case in &run.cases {
            let Some(turns) = Waterfall::of(case) else { continue };
            let slices = &spans[&case.path];
            assert_eq!(slices.len(), turns.len(), "{}", case.path);
            for (turn, slice) in turns.iter().zip(slices) {
                let stages: Vec<TurnStage> =
                    TurnStage::ALL.into_iter().filter(|stage| turn.stage_ms(*stage).is_some()).collect();
                assert_eq!(stages_of(slice), stages.iter().map(|stage| stage.word()).collect::<Vec<_>>());
                for (stage, inside) in stages.iter().zip(slice["inside"].as_array().unwrap()) {
                    assert!((ms(inside) - turn.stage_ms(*stage).unwrap()).abs() < ROUNDED_MS, "{stage} of {inside}");
                }
                let visible_ms = turn.visible_ms.expect("the bridge reports it");
                assert!((ms(slice) - visible_ms).abs() < ROUNDED_MS, "{visible_ms} ms, {slice}");
                turns_seen += 1;
            }
        }
        assert!(turns_seen > 10, "{name}: {turns_seen}");
    }
}

#[test]
fn trace_of_warmup_has_the_wait_of_each_start() {
    let (run, spans) = spans(&reference("warmup-demo-2cores"));
    let stages: BTreeMap<&str, Vec<&str>> = spans.iter().map(|(path, it)| (path.as_str(), stages_of(&it[0]))).collect();
    assert_eq!(stages["start/cold"], ["load", "context", "first_token", "reply", "rest"]);
    assert_eq!(stages["start/loaded"][..3], ["context", "first_token", "reply"]);
    assert_eq!(stages["start/warmed"][..2], ["first_token", "reply"]);
    for (path, it) in &spans {
        let wait_ms = figure(&run, path, "wait").unwrap();
        assert!((ms(&it[0]) - wait_ms).abs() < ROUNDED_MS, "{path}: {wait_ms} ms, {}", it[0]);
        // What no stage explains is small.
        let rest = it[0]["inside"].as_array().unwrap().iter().find(|stage| stage["name"] == "rest");
        assert!(rest.is_none_or(|rest| ms(rest) < 0.01 * wait_ms), "{rest:?}");
    }
    assert_eq!(spans.len(), 5);
}

#[test]
fn trace_of_a_breakdown_has_the_parts_of_the_round_trip() {
    let (run, spans) = spans(&reference("ipc-breakdown-mono-2cores"));
    assert_eq!(spans.keys().collect::<Vec<_>>(), ["applied", "received"]);
    for (ack, it) in &spans {
        let parts = stages_of(&it[0]);
        assert_eq!((parts[0], parts[parts.len() - 1]), ("serialise", "parse_reply"), "nothing is left over");
        assert!((ms(&it[0]) - figure(&run, &format!("{ack}/breakdown/whole"), "mean").unwrap()).abs() < ROUNDED_MS);
        for (part, inside) in parts.iter().zip(it[0]["inside"].as_array().unwrap()) {
            let mean_ms = figure(&run, &format!("{ack}/breakdown/{part}"), "mean").unwrap();
            assert!((ms(inside) - mean_ms).abs() < ROUNDED_MS, "{part}: {mean_ms} ms, {inside}");
        }
    }
}

/// The base unit of a unit of the record, and how many of the latter it is.
fn base_unit(unit: &str) -> (&'static str, f64) {
    match unit {
        "ms" => ("seconds", 1e3),
        "us" => ("seconds", 1e6),
        "s" => ("seconds", 1.0),
        "%" | "points" => ("ratio", 1e2),
        "x" | "ratio" => ("ratio", 1.0),
        "1/s" => ("per_second", 1.0),
        "tokens/s" => ("tokens_per_second", 1.0),
        "tokens/J" => ("tokens_per_joule", 1.0),
        "bytes/message" => ("bytes_per_message", 1.0),
        "bytes/token" => ("bytes_per_token", 1.0),
        "bytes/turn" => ("bytes_per_turn", 1.0),
        "bytes" => ("bytes", 1.0),
        "tokens" => ("tokens", 1.0),
        "replies" => ("replies", 1.0),
        "CPUs" => ("cpus", 1.0),
        "count" => ("", 1.0),
        other => panic!("no base unit for {other}"),
    }
}

/// Asserts that the samples are the given figures of the run, their intervals, spreads and counts, and nothing else.
fn same_figures(run: &Run, families: &[Value]) {
    let mut samples = BTreeMap::new();
    for family in families {
        let unit = family["unit"].as_str().unwrap();
        assert!(unit.is_empty() || family["name"].as_str().unwrap().ends_with(&format!("_{unit}")), "{family}");
        assert!(!family["help"].as_str().unwrap().is_empty(), "{family}");
        for sample in family["samples"].as_array().unwrap() {
            let labels = &sample["labels"];
            let name = sample["name"].as_str().unwrap().to_owned();
            if family["type"] == "gauge" && !labels["case"].is_null() {
                let label = |name: &str| labels[name].as_str().unwrap_or_default().to_owned();
                let key = (name, label("case"), label("figure"));
                assert_eq!(samples.insert(key, sample["value"].as_f64().unwrap()), None, "{sample} twice");
                assert_eq!(labels["simulated"].is_null(), run.simulated.is_empty(), "{sample}");
            }
        }
    }
    let mut expected = 0;
    for case in &run.cases {
        for metric in case.metrics.iter().filter(|metric| metric.value.is_some()) {
            let name: String = metric.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let figure = if name == metric.name { String::new() } else { metric.name.clone() };
            let (unit, per) = base_unit(&metric.unit);
            let parts = [
                ("", metric.value),
                ("_ci_low", metric.ci_low),
                ("_ci_high", metric.ci_high),
                ("_spread", metric.spread),
            ];
            for (part, value) in parts {
                let Some(value) = value else { continue };
                let mut full = format!("workly_perf_{name}{part}");
                if !unit.is_empty() && !full.ends_with(&format!("_{unit}")) {
                    full = format!("{full}_{unit}");
                }
                let found = samples[&(full.clone(), case.path.clone(), figure.clone())];
                let is_same = (found - value / per).abs() <= 1e-12 * (value / per).abs();
                assert!(is_same, "{full} of {}: {found}, not {}", case.path, value / per);
                expected += 1;
            }
            let counted = (format!("workly_perf_{name}_samples"), case.path.clone(), figure.clone());
            assert_eq!(samples.get(&counted), Some(&(metric.n as f64)), "{counted:?}");
            expected += 1;
        }
    }
    assert_eq!(samples.len(), expected);
}

#[test]
fn openmetrics_of_every_reference_run_has_its_figures() {
    for folder in references() {
        let (run, families) = read_by("read_openmetrics.py", &folder, "openmetrics");
        same_figures(&run, &families);
        let family = |name: &str| families.iter().find(|family| family["name"] == name).unwrap();
        let info = &family("workly_perf_run")["samples"][0];
        assert_eq!((info["labels"]["run_id"].as_str(), info["value"].as_f64()), (Some(run.run_id.as_str()), Some(1.0)));
        let states = family("workly_perf_case_state")["samples"].as_array().unwrap();
        assert_eq!(states.iter().filter(|state| state["value"] == 1.0).count(), run.cases.len());
        assert!(report(&folder, "openmetrics").1.ends_with("\n# EOF\n"));
    }
}

#[test]
fn openmetrics_of_a_watch_has_its_readings() {
    let place = Place::new();
    let mut watch = place.command("watch --plain --for 1s --interval 250ms --out out --quiet");
    let output = watch.env("WORKLY_PERF_NVML", "none").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let (run, families) = read_by("read_openmetrics.py", &place.path("out"), "openmetrics");
    same_figures(&run, &families);
    let memory = families.iter().find(|family| family["name"] == "workly_perf_mean_bytes").unwrap();
    let of_machine = |sample: &&Value| sample["labels"]["case"] == "machine/ram";
    let used = memory["samples"].as_array().unwrap().iter().find(of_machine).unwrap();
    assert!(used["value"].as_f64().unwrap() > 1e6, "{used}");
}

#[test]
fn hyperfine_has_the_times_behind_each_figure() {
    for (name, command, path, metric) in [
        ("threads-demo-2cores", "idle/tg64/threads=1", "idle/tg64/threads=1", None),
        ("warmup-demo-2cores", "start/cold wait", "start/cold", Some("wait")),
        ("pipeline-demo-2cores", "before/turns visible", "before/turns", Some("visible")),
        ("ipc-mode-2cores", "mode/pipelined mean of a round", "mode/pipelined", Some("mean")),
    ] {
        let (run, text) = report(&reference(name), "hyperfine");
        let read: Value = serde_json::from_str(&text).unwrap();
        let results = read["results"].as_array().unwrap();
        let result = results.iter().find(|result| result["command"] == command).unwrap_or_else(|| panic!("{read}"));
        let times: Vec<f64> = result["times"].as_array().unwrap().iter().map(|time| time.as_f64().unwrap()).collect();
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        assert!((result["mean"].as_f64().unwrap() / mean - 1.0).abs() < 1e-12, "{result}");
        let least = times.iter().copied().fold(f64::INFINITY, f64::min);
        assert_eq!(result["min"], least);
        if let Some(metric) = metric {
            let recorded_ms = figure(&run, path, metric).unwrap();
            assert!((mean * 1e3 / recorded_ms - 1.0).abs() < 1e-9, "{command}: {mean} s, {recorded_ms} ms");
        }
    }
}

#[test]
fn record_without_what_a_format_shows_is_named() {
    let folder = reference("gpu-project-zephyr-7b");
    let run = RecordFolder::read(&folder).unwrap();
    for format in ["trace", "hyperfine"] {
        let outcome = Place::new().run(&format!("report {} --format {format}", folder.display()));
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(&run.run_id) && outcome.stderr.contains("hint:"), "{}", outcome.stderr);
    }
}
