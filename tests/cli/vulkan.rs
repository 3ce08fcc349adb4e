//! Placement on a real ggml device: Mesa's software driver for Vulkan, as `scripts/test-gpu` sets it up. All of these are
//! ignored where there is none.

use std::path::Path;

use workly_perf::llm::engine::{Backend, ContextSpec, DeviceKind, Projection, Target, project_all};
use workly_perf::llm::{ModelOutline, ModelRef};
use workly_perf::record::{CaseState, RecordFolder, Run, RunState};

use super::run::{Place, case, figure};

/// How far a projection may be off, in per cent.
const LIMIT_PERCENT: f64 = 3.0;

/// Where a placement takes no more than some MiB, one buffer of a few tokens is already more than that.
const SMALL_BYTES: f64 = 1_048_576.0;

fn backend() -> &'static Backend {
    let backend = Backend::start().expect("llama.cpp starts");
    let is_gpu = |kind| matches!(kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    assert!(backend.devices().iter().any(|device| is_gpu(device.kind)), "scripts/test-gpu sets a Vulkan device up");
    backend
}

fn swept(line: &str) -> (Option<i32>, Run) {
    backend();
    let place = Place::new();
    assert_eq!(place.run("model synth tiny -o tiny.gguf --quiet").code, Some(0));
    let brief = "gpu-profiles --model tiny.gguf --prompt-tokens 16 --gen-tokens 4 --quiet --out out";
    let outcome = place.run(&format!("{brief} {line}"));
    let run = RecordFolder::read(&place.path("out")).unwrap_or_else(|error| panic!("{error}\n{}", outcome.stderr));
    (outcome.code, run)
}

#[test]
#[ignore = "needs a Vulkan device"]
fn placements_are_real_and_take_what_was_foreseen() {
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
#[ignore = "needs a Vulkan device"]
fn what_cannot_fit_is_said_and_the_sweep_goes_on() {
    let (code, run) = swept("--layers 0,2,all --reserve 900GiB --ctx-size 512 --repetitions 1");
    assert_eq!((code, run.state), (Some(0), RunState::Complete));
    for layers in [2, 5] {
        let skipped = case(&run, &format!("placement/ngl={layers}"));
        assert_eq!(skipped.state, CaseState::NotMeasured);
        assert!(skipped.reason.as_ref().unwrap().contains("that may be filled"), "{:?}", skipped.reason);
    }
    assert_eq!(case(&run, "placement/ngl=0").state, CaseState::Ok);
}

#[test]
#[ignore = "needs a Vulkan device"]
fn memory_that_runs_out_is_a_row_and_not_the_end() {
    // Far more cache than the device has; the process that asks for it fails or dies, and the sweep says so.
    let (code, run) = swept("--layers 2,all --reserve 0MiB --try-all --ctx-size 9000000 --repetitions 1 --timeout 5m");
    assert_eq!((code, run.state), (Some(4), RunState::Complete));
    assert!(run.findings.iter().any(|text| text.contains("could not foresee")), "{:?}", run.findings);
    for layers in [2, 5] {
        let failed = case(&run, &format!("placement/ngl={layers}"));
        assert_eq!((failed.state, &failed.conditions["status"]), (CaseState::Failed, &"failed".into()));
        assert!(failed.reason.as_ref().is_some_and(|why| !why.is_empty()), "{failed:?}");
    }
}

/// Both projections of every placement, on the card that is not here and on the device that is.
fn both(model: &Path, spec: &ContextSpec) -> Vec<(Projection, Projection)> {
    let of = |target| project_all(backend(), model, spec, target).expect("projections");
    of(Target::Card { memory_bytes: 24 << 30 }).into_iter().zip(of(Target::Machine)).collect()
}

#[test]
#[ignore = "needs a Vulkan device"]
fn a_card_that_is_not_here_takes_what_a_device_takes() {
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
