//! `gpu-profiles` without a GPU: its projections, the CPU's figures, and what it rejects.

use workly_perf::record::{CaseState, MetricStatus, RecordFolder, Run, RunState};

use crate::harness::run::{Outcome, Place, case, figure};

const BRIEF: &str =
    "gpu-profiles --model tiny.gguf --ctx-size 256 --prompt-tokens 16 --gen-tokens 12 --quiet --out out";

/// A folder with a model that is measured in milliseconds.
fn measured(place: &Place, line: &str) -> (Outcome, Run) {
    let outcome = place.run(&format!("{BRIEF} {line}"));
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
    (outcome, run)
}

/// Whether this build can use a GPU here; the Vulkan tests then cover more than these.
fn has_gpu() -> bool {
    use workly_perf::llm::engine::{Backend, DeviceKind};
    let devices = Backend::start().expect("llama.cpp starts").devices();
    devices.iter().any(|device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu))
}

#[test]
fn exhausted_budget_keeps_the_first_measurement() {
    let place = Place::with_tiny_model();
    let (outcome, run) = measured(&place, "--layers 0 --budget 1ms");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(case(&run, "idle/tg12/ngl=0").metric("avg_ts").unwrap().n, 1);
    assert!(run.findings.iter().any(|finding| finding.contains("the budget was used up")), "{:?}", run.findings);
}

#[test]
fn cpu_is_measured_without_a_gpu_and_the_rest_explained() {
    if has_gpu() {
        return;
    }
    let place = Place::with_tiny_model();
    let (outcome, run) = measured(&place, "--layers 0,2,all,auto --repetitions 2");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!((run.state, run.simulated.len()), (RunState::Complete, 1));
    let paths: Vec<_> = run.cases.iter().map(|case| case.path.as_str()).collect();
    let expected = ["placement/ngl=0", "placement/ngl=2", "placement/ngl=5", "idle/pp16/ngl=0", "idle/tg12/ngl=0"];
    assert_eq!(paths, expected);
    assert!(run.findings[0].contains("no GPU"), "{:?}", run.findings);
    assert!(run.findings.iter().any(|text| text.contains("performance (all) and balanced (35) place the same layers")));
    let skipped = case(&run, "placement/ngl=2");
    assert_eq!((skipped.state, &skipped.conditions["status"]), (CaseState::NotMeasured, &"skipped".into()));
    assert!(skipped.reason.as_ref().unwrap().contains("no GPU"));
    let cpu = case(&run, "placement/ngl=0");
    assert_eq!((cpu.state, figure(&run, "placement/ngl=0", "load").is_some()), (CaseState::Ok, true));
    assert_eq!(cpu.metric("vram_delta").unwrap().status, MetricStatus::Unsupported);
    assert_eq!(figure(&run, "placement/ngl=0", "vram_buffers"), Some(0.0));
    assert!(figure(&run, "placement/ngl=0", "host_buffers").unwrap() > 0.0);
    assert_eq!(case(&run, "idle/tg12/ngl=0").metric("avg_ts").unwrap().n, 2);
    assert_eq!(case(&run, "idle/tg12/ngl=0").histograms[0].quantity, "itl");
}

#[test]
fn missing_required_gpu_is_exit_code_3() {
    if has_gpu() {
        return;
    }
    let place = Place::with_tiny_model();
    for line in ["--layers 1,2", "--layers all", "--require-gpu", "--project --require-gpu"] {
        let outcome = place.run(&format!("{BRIEF} {line}"));
        assert_eq!(outcome.code, Some(3), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("no GPU") && outcome.stderr.contains("hint: "), "{}", outcome.stderr);
        assert!(!place.path("out").exists(), "{line}");
    }
}

#[test]
fn absent_gpus_are_projected() {
    let place = Place::new();
    let line = "gpu-profiles --model synth:zephyr-7b@4711 --vram 4GiB,6GiB,24GiB --cache-type f16 --ctx-size 4096 --quiet --out out";
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    assert_eq!(run.cases.iter().filter(|case| case.path.starts_with("project/")).count(), 34);
    let layers = |card: &str| figure(&run, &format!("card/{card}"), "layers").unwrap();
    assert_eq!(layers("24GiB"), 33.0);
    assert!(layers("4GiB") < layers("6GiB") && layers("6GiB") < 33.0, "{} {}", layers("4GiB"), layers("6GiB"));
    for card in ["4GiB", "6GiB"] {
        let path = format!("card/{card}");
        let (taken, available) = (figure(&run, &path, "vram_projected"), figure(&run, &path, "vram_available"));
        assert!(taken <= available);
        // One more layer would not fit.
        let next = format!("project/ngl={}", layers(card) + 1.0);
        assert!(figure(&run, &next, "vram_projected") > available);
    }
    let all = figure(&run, "profile/performance", "vram_projected");
    assert_eq!(all, figure(&run, "project/ngl=33", "vram_projected"));
    for card in ["RTX 4090", "RTX 4050", "GTX 1660", "GTX 1650"] {
        assert_eq!(run.findings.iter().filter(|text| text.starts_with(card)).count(), 1, "{card}");
    }
}

#[test]
fn llama_bench_format_has_a_row_per_placement() {
    let place = Place::with_tiny_model();
    let layers = if has_gpu() { "0" } else { "0,3" };
    let outcome = place.run(&format!("{BRIEF} --layers {layers} --repetitions 1 --format llama-bench-csv"));
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let mut rows = csv::Reader::from_reader(outcome.stdout.as_bytes());
    let headers = rows.headers().unwrap().clone();
    let at = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let column = |name: &str| rows.iter().map(|row| row[at(name)].to_owned()).collect::<Vec<_>>();
    let given = |name: &str| column(name).iter().map(|cell| !cell.is_empty()).collect::<Vec<_>>();
    if has_gpu() {
        return;
    }
    assert_eq!(column("n_gpu_layers"), ["0", "0", "3"]);
    assert_eq!(column("status"), ["ok", "ok", "skipped"]);
    assert_eq!(given("avg_ts"), [true, true, false]);
    assert_eq!(given("load_ms"), [true, true, false]);
    assert_eq!((given("ttft_ms"), given("itl_p50_ms")), (vec![true, false, false], vec![false, false, false]));
    assert!(column("error")[2].contains("no GPU"), "{:?}", column("error"));
}

#[test]
fn invalid_gpu_profiles_arguments_are_rejected() {
    let place = Place::with_tiny_model();
    for (line, says) in [
        ("--vram 6", "6GiB"),
        ("--layers ten", "'ten'"),
        ("--reserve some", "'some'"),
        ("--cache-type q9", "q9"),
        ("--repetitions 0", "0"),
        ("--cache-type q8_0 --flash-attn off", "flash attention"),
    ] {
        let outcome = place.run(&format!("{BRIEF} {line}"));
        assert_eq!(outcome.code, Some(2), "{line}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(says), "{line}: {}", outcome.stderr);
    }
    let measured = place.run(&format!("{BRIEF} --vram 6GiB --reserve measured"));
    assert_eq!(measured.code, Some(3), "{}", measured.stderr);
    let missing = place.run("gpu-profiles --model no.gguf --project");
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
}

#[test]
fn placement_worker_rejects_invalid_requests() {
    let place = Place::new();
    let outcome = place.run("gpu-placement");
    assert_eq!(outcome.code, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no valid placement"), "{}", outcome.stderr);
}
