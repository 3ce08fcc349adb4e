//! Placement on a real ggml device: Mesa's software driver for Vulkan, as set up by `scripts/test-gpu`. All tests are
//! ignored without it.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use workly_perf::llm::engine::{
    Backend, ContextSpec, DeviceKind, PlacementTarget, Projection, ProjectionOptions, project_all,
};
use workly_perf::llm::{ModelOutline, ModelRef};
use workly_perf::record::{CaseState, RecordFolder, Run, RunState};

use crate::harness::run::{Place, case, figure};

/// Maximum projection error, in per cent.
const LIMIT_PERCENT: f64 = 3.0;

/// For placements of a few MiB, a single small buffer exceeds that error.
const SMALL_BYTES: f64 = 1_048_576.0;

fn backend() -> &'static Backend {
    let backend = Backend::start().expect("llama.cpp starts");
    let is_gpu = |kind| matches!(kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    assert!(backend.devices().iter().any(|device| is_gpu(device.kind)), "scripts/test-gpu sets a Vulkan device up");
    backend
}

fn swept(line: &str) -> (Option<i32>, Run) {
    swept_by(line, Place::command)
}

/// The same with a command that is built differently.
fn swept_by(line: &str, command: impl Fn(&Place, &str) -> Command) -> (Option<i32>, Run) {
    backend();
    let place = Place::new();
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    let brief = "gpu-profiles --model tiny.gguf --prompt-tokens 16 --gen-tokens 4 --quiet --out out";
    let output = command(&place, &format!("{brief} {line}")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{said}"));
    (output.status.code(), run)
}

#[test]
#[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
fn placements_are_real_and_match_their_projections() {
    let (code, run) = swept("--layers 0,2,all --reserve 0MiB --ctx-size 512 --repetitions 1");
    assert_eq!((code, run.state), (Some(0), RunState::Complete), "{:?}", run.findings);
    let buffers = |layers: u32| figure(&run, &format!("placement/ngl={layers}"), "vram_buffers").unwrap();
    let held = |layers: u32, part: &str| {
        let held = &case(&run, &format!("placement/ngl={layers}")).conditions["held"]["devices"][0]["bytes"];
        held[part].as_u64().unwrap()
    };
    for layers in [2, 5] {
        let path = format!("placement/ngl={layers}");
        let error = figure(&run, &path, "projection_error").unwrap();
        assert!(error.abs() <= LIMIT_PERCENT, "{layers} layers: {error} %");
        assert!(figure(&run, &format!("idle/tg4/ngl={layers}"), "avg_ts").unwrap() > 0.0);
    }
    assert_eq!((held(0, "model_bytes"), held(0, "context_bytes")), (0, 0));
    assert!(buffers(0) < buffers(2) && buffers(2) < buffers(5));
    assert!(0 < held(2, "model_bytes") && held(2, "model_bytes") < held(5, "model_bytes"));
    assert!(run.findings.iter().any(|text| text.contains("The projection of the GPU's buffers was at most")));
}

#[test]
#[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
fn placement_that_cannot_fit_is_reported_and_the_sweep_continues() {
    let (code, run) = swept("--layers 0,2,all --reserve 900GiB --ctx-size 512 --repetitions 1");
    assert_eq!((code, run.state), (Some(0), RunState::Complete));
    for layers in [2, 5] {
        let skipped = case(&run, &format!("placement/ngl={layers}"));
        assert_eq!(skipped.state, CaseState::NotMeasured);
        assert!(skipped.reason.as_ref().unwrap().contains("GiB available"), "{:?}", skipped.reason);
    }
    assert_eq!(case(&run, "placement/ngl=0").state, CaseState::Ok);
}

#[test]
#[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
fn out_of_memory_is_a_row_and_not_the_end() {
    // One tensor of the KV cache exceeds the device's memory. All layers are on the device: with fewer, the machine
    // would have to hold gigabytes of the same cache.
    let line = "--layers all --reserve 0MiB --try-all --ctx-size 9000000 --cache-type f16 --repetitions 1";
    let (code, run) = swept(line);
    assert_eq!((code, run.state), (Some(4), RunState::Failed));
    assert_eq!(run.reason.as_deref(), Some("no placement could be measured"));
    assert!(run.findings.iter().any(|text| text.contains("could not project")), "{:?}", run.findings);
    let failed = case(&run, "placement/ngl=5");
    assert_eq!((failed.state, &failed.conditions["status"]), (CaseState::Failed, &"failed".into()));
    assert!(failed.reason.as_ref().is_some_and(|why| why.contains("failed to allocate")), "{:?}", failed.reason);
}

#[test]
#[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
fn crashing_placements_are_rows_among_others() {
    // A test double aborts in their place. Without layers all succeed.
    let aborts_on = "\"n_gpu_layers\":2|\"n_gpu_layers\":5";
    let line = "--layers 0,2,all --reserve 0MiB --ctx-size 512 --repetitions 1";
    let (code, run) = swept_by(line, |place, line| place.command_with_children(aborts_on, line));
    assert_eq!((code, run.state), (Some(0), RunState::Complete));
    for layers in [2, 5] {
        let failed = case(&run, &format!("placement/ngl={layers}"));
        assert_eq!((failed.state, &failed.conditions["status"]), (CaseState::Failed, &"failed".into()));
        let why = failed.reason.as_deref().unwrap();
        assert!(why.contains("llama.cpp aborted the process") && !why.contains('/'), "{why}");
    }
    assert_eq!(case(&run, "placement/ngl=0").state, CaseState::Ok);
    assert!(figure(&run, "idle/tg4/ngl=0", "avg_ts").unwrap() > 0.0);
}

#[test]
#[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
fn unreported_driver_values_are_not_recorded_as_0() {
    let (_, run) = swept("--layers all --reserve 0MiB --ctx-size 512 --repetitions 1");
    let delta = case(&run, "placement/ngl=5").metric("vram_delta").unwrap();
    // lavapipe's driver has no memory budget; a driver with one shows what the model took.
    assert!(delta.value.is_none_or(|bytes| bytes > 0.0), "{delta:?}");
    let place = Place::new();
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    let line =
        "memory --model tiny.gguf --gpu-layers 5 --messages 1 --reply-tokens 1 --n-ctx 64 --vram --quiet --out out";
    let outcome = place.run(line);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let run = RecordFolder::read(&place.path("out")).unwrap();
    let [process, whole] =
        ["vram_process", "vram_whole_gpu"].map(|name| case(&run, "step/4-context").metric(name).unwrap().value);
    assert!(process.is_none() && whole.is_none_or(|bytes| bytes > 0.0), "{process:?} {whole:?}");
    // The memory of ggml's buffers on the device is reported in any case, next to the projection.
    assert!(run.findings.iter().any(|text| text.contains("ggml's buffers there hold")), "{:?}", run.findings);
}

/// Both projections of every placement: on an absent GPU and on the real device.
fn both(model: &Path, spec: &ContextSpec) -> Vec<(Projection, Projection)> {
    let of = |target| {
        project_all(backend(), model, spec, target, ProjectionOptions { workers: 2, stop: &AtomicBool::new(false) })
            .expect("projections")
    };
    of(PlacementTarget::Card { memory_bytes: 24 << 30 }).into_iter().zip(of(PlacementTarget::Machine)).collect()
}

#[test]
#[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
fn projecting_an_absent_card_matches_the_device() {
    for (name, n_ctx) in [("synth:tiny", 512), ("synth:zephyr-7b@4711", 4096), ("synth:zephyr-7b@4711", 2048)] {
        let outline = ModelOutline::of(&name.parse::<ModelRef>().unwrap()).unwrap();
        let spec = ContextSpec { n_ctx, n_batch: 512, ..ContextSpec::default() };
        for (card, device) in both(outline.path(), &spec) {
            let (on_card, on_device) = (card.on_devices(), device.on_devices());
            assert_eq!(on_card.context_bytes, on_device.context_bytes, "{name}, {} layers", card.n_gpu_layers);
            let (ours, theirs) = (on_card.total_bytes() as f64, on_device.total_bytes() as f64);
            let off = 100.0 * (ours / theirs - 1.0);
            let is_near = off.abs() <= LIMIT_PERCENT || (ours - theirs).abs() <= SMALL_BYTES;
            assert!(is_near, "{name}, {} layers: {off:.2} %\n{card:?}\n{device:?}", card.n_gpu_layers);
        }
    }
}

/// A device filled by `watch`, as far as a test may.
#[cfg(target_os = "linux")]
mod saturation {
    use std::process::{Child, Stdio};
    use std::time::Duration;

    use workly_perf::host::ProcessMemory;
    use workly_perf::llm::engine::DeviceKind;
    use workly_perf::record::{RecordFolder, RunState};

    use super::backend;
    use crate::harness::run::{Place, figure};
    use crate::watch::command::{events, scaled_rules};

    /// Amount to allocate, independent of the driver's memory size: lavapipe's is the machine's.
    const TAKEN: u64 = 256 << 20;

    /// Starts a watch that fills the device, and waits until the memory is allocated, as seen from outside. The rules
    /// use the corresponding share.
    fn filled(place: &Place, line: &str) -> (Child, u64) {
        let devices = backend().devices();
        let device = devices.iter().find(|device| device.kind == DeviceKind::Gpu).expect("a Vulkan device");
        let percent = (100.0 * TAKEN as f64 / device.memory_total_bytes.unwrap() as f64).max(1.0);
        place.write("rules.toml", &scaled_rules("0.1", "0.2", percent / 90.0));
        let fill = format!(
            "watch --plain --interval 50ms --rules rules.toml --out out --device {} --saturate {percent}% {line}",
            device.name
        );
        let mut command = place.command(&fill);
        command.env("WORKLY_PERF_NVML", "none").stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut most = 0;
        while most < TAKEN {
            let memory = ProcessMemory::of(child.id()).expect("it continues until it has held its memory");
            most = most.max(memory.resident_bytes.value().copied().unwrap_or(0));
            std::thread::sleep(Duration::from_millis(5));
        }
        (child, most)
    }

    #[test]
    #[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
    fn device_is_filled_triggers_the_fallback_and_recovers() {
        let place = Place::new();
        let (child, mut most) = filled(&place, "--for 2s");
        let pid = child.id();
        let mut last = most;
        while let Ok(memory) = ProcessMemory::of(pid) {
            last = memory.resident_bytes.value().copied().unwrap_or(last);
            most = most.max(last);
            if last + TAKEN * 3 / 4 < most {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(last + TAKEN * 3 / 4 < most, "freed while the program continued: {most}, then {last}");
        let happened = events(&place, &["state", "full", "freed"]);
        let expected = [
            "state Vulkan0  optimal",
            "full Vulkan0",
            "state Vulkan0 optimal overloaded",
            "freed Vulkan0",
            "state Vulkan0 overloaded optimal",
        ];
        assert_eq!(happened, expected);
        let run = RecordFolder::read(&place.path("out")).unwrap();
        assert_eq!((run.state, run.simulated.len()), (RunState::Complete, 0), "a real device");
        let taken = figure(&run, "Vulkan0/vram", "max").unwrap();
        assert!((taken / TAKEN as f64 - 1.0).abs() < 0.02, "{taken}");
        assert!(run.findings.iter().any(|text| text.contains("overloaded, for which the profile is cpu_fallback")));
        assert!(run.findings.iter().any(|text| text.contains("optimal again, for which the profile is performance")));
    }

    #[test]
    #[ignore = "needs a Vulkan device: scripts/test-gpu runs it"]
    fn ctrl_c_frees_the_device() {
        let place = Place::new();
        let (child, _) = filled(&place, "--for 1h");
        let pid = child.id();
        place.interrupted(child);
        assert!(ProcessMemory::of(pid).is_err(), "no process is left that could hold memory");
    }
}
