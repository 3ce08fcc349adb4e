//! llama.cpp's projections, compared with the header and with real loading.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use workly_perf::llm::engine::{
    Backend, ContextSpec, EngineError, KvType, Model, Placement, PlacementTarget, Projection, ProjectionOptions,
    project, project_all,
};
use workly_perf::llm::gguf::Gguf;
use workly_perf::llm::{ModelOutline, ModelRef};

const CARD: PlacementTarget = PlacementTarget::Card { memory_bytes: 24 << 30 };

static GOES_ON: AtomicBool = AtomicBool::new(false);

fn by(stop: &AtomicBool) -> ProjectionOptions<'_> {
    ProjectionOptions { workers: 2, stop }
}

fn outline(name: &str) -> ModelOutline {
    ModelOutline::of(&name.parse::<ModelRef>().expect("a model")).expect("an outline")
}

fn spec(n_ctx: u32) -> ContextSpec {
    ContextSpec { n_ctx, n_batch: 512, ..ContextSpec::default() }
}

fn backend() -> &'static Backend {
    Backend::start().expect("llama.cpp starts")
}

/// Size of the weights of `layers` layers, summed from the file's own table: the output layer first, then the last
/// blocks.
fn weights(path: &Path, layers: u32, blocks: u32) -> u64 {
    let gguf = Gguf::open(path).expect("a sound header");
    let first = blocks + 1 - layers;
    let on_device = |name: &str| match name.strip_prefix("blk.").and_then(|rest| rest.split('.').next()) {
        Some(block) => layers > 0 && block.parse::<u32>().expect("a number") >= first,
        None => layers > 0 && name.starts_with("output"),
    };
    gguf.tensors.iter().filter(|tensor| on_device(&tensor.name)).map(|tensor| tensor.bytes).sum()
}

fn near(left: u64, right: u64, per_cent: f64) -> bool {
    (left as f64 - right as f64).abs() <= right as f64 * per_cent / 100.0
}

#[test]
fn stop_flag_ends_projecting() {
    let model = outline("synth:tiny@4711");
    let stopped = project_all(backend(), model.path(), &spec(512), CARD, by(&AtomicBool::new(true)));
    assert!(matches!(stopped, Err(EngineError::Stopped { .. })), "{stopped:?}");
}

#[test]
fn every_placement_of_a_7b_model_is_projected_from_its_header() {
    let model = outline("synth:zephyr-7b@4711");
    let placements = project_all(backend(), model.path(), &spec(4096), CARD, by(&GOES_ON)).expect("projections");
    assert_eq!(placements.len(), 34);
    for (layers, placement) in (0..).zip(&placements) {
        assert_eq!((placement.n_gpu_layers, placement.n_layer, placement.n_ctx), (layers, 32, 4096));
        let expected = weights(model.path(), layers, 32);
        let foreseen = placement.on_devices();
        assert!(near(foreseen.model_bytes, expected, 0.1), "{layers}: {foreseen:?} {expected}");
        // 8 KV heads of length 128, keys and values, 2 bytes each; the output layer has none.
        let cache = u64::from(layers.saturating_sub(1)) * 8 * 128 * 2 * 2 * 4096;
        assert_eq!(foreseen.context_bytes, cache, "{layers}");
        let everywhere = placement.everywhere();
        assert_eq!(everywhere.context_bytes, 32 * 8 * 128 * 2 * 2 * 4096, "{layers}");
        assert!(near(everywhere.model_bytes, weights(model.path(), 33, 32) + placement_rest(model.path()), 0.1));
    }
    let totals: Vec<u64> = placements.iter().skip(1).map(|placement| placement.on_devices().model_bytes).collect();
    assert!(totals.windows(2).all(|pair| pair[0] < pair[1]), "{totals:?}");
}

/// Weights that never leave the CPU: the token embeddings.
fn placement_rest(path: &Path) -> u64 {
    let gguf = Gguf::open(path).expect("a sound header");
    gguf.tensors.iter().filter(|tensor| tensor.name.starts_with("token_embd")).map(|tensor| tensor.bytes).sum()
}

#[test]
fn vocabulary_does_not_affect_the_projection() {
    for name in ["synth:zephyr-7b@4711", "synth:tiny"] {
        let model = outline(name);
        for target in [CARD, PlacementTarget::Cpu] {
            let all = project_all(backend(), model.path(), &spec(2048), target, by(&GOES_ON)).expect("projections");
            for layers in [0, 1, 3, all.len() - 1] {
                let one = project(backend(), model.path(), u32::try_from(layers).unwrap(), &spec(2048), target);
                assert_eq!(one.expect("a projection"), all[layers], "{name}, {layers} layers");
            }
        }
    }
}

#[test]
fn everything_is_in_machine_memory_without_a_device() {
    let model = outline("synth:tiny");
    for layers in [0, 99] {
        let placement =
            project(backend(), model.path(), layers, &spec(512), PlacementTarget::Cpu).expect("a projection");
        assert_eq!(placement.devices, []);
        assert!(placement.host.model_bytes > 0 && placement.host.context_bytes > 0 && placement.host.compute_bytes > 0);
    }
}

#[test]
fn projection_follows_context_and_cache_types() {
    let model = outline("synth:zephyr-7b@4711");
    let of = |spec: &ContextSpec| -> Projection { project(backend(), model.path(), 33, spec, CARD).expect("fits") };
    let (short, long) = (of(&spec(2048)), of(&spec(4096)));
    assert_eq!(2 * short.on_devices().context_bytes, long.on_devices().context_bytes);
    let quantised = of(&ContextSpec { type_k: KvType::Q8_0, type_v: KvType::Q8_0, ..spec(4096) });
    assert_eq!(quantised.on_devices().context_bytes, long.on_devices().context_bytes / 32 * 17);
    assert_eq!(quantised.on_devices().model_bytes, long.on_devices().model_bytes);
}

#[test]
fn rejections_by_llama_cpp_are_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("no.gguf");
    std::fs::write(&path, "nothing").expect("written");
    let error = project(backend(), &path, 0, &spec(512), PlacementTarget::Cpu).expect_err("no model").to_string();
    assert!(error.contains("no.gguf"), "{error}");
    let model = outline("synth:tiny");
    let zero = ContextSpec { n_batch: 0, ..spec(512) };
    let error = project(backend(), model.path(), 0, &zero, PlacementTarget::Cpu).expect_err("no batch").to_string();
    assert!(error.contains("n_batch"), "{error}");
}

#[test]
fn projection_matches_held_memory() {
    let path = super::engine::tiny();
    for n_ctx in [512, 2048] {
        let foreseen = project(backend(), path, 0, &spec(n_ctx), PlacementTarget::Cpu).expect("a projection");
        let placement = Placement { n_gpu_layers: Some(0), use_mmap: false, mlock: false };
        let model = Model::load(backend(), path, &placement, &mut |_| true).expect("it loads");
        let held = model.session(&spec(n_ctx)).expect("a context").held(0).expect("an account");
        assert_eq!(held.everywhere().context_bytes, foreseen.everywhere().context_bytes);
        let (held, foreseen) = (held.everywhere().total_bytes(), foreseen.everywhere().total_bytes());
        assert!(near(held, foreseen, 3.0), "{held} {foreseen}");
    }
}

/// Weights that are repacked on load are foreseen as such, and only those in the machine's memory.
#[test]
fn repacked_weights_are_projected() {
    let path = super::engine::tiny_of("Q4_0");
    let model = Model::load(backend(), &path, &Placement::default(), &mut |_| true).expect("it loads");
    let foreseen = project(backend(), &path, 0, &spec(512), PlacementTarget::Cpu).expect("a projection");
    // The log of loading has hundredths of a mebibyte.
    let repacked = foreseen.host.repacked_bytes;
    assert!(repacked.abs_diff(model.facts().weights.repacked_bytes) <= 16 << 10, "{repacked}, {:?}", model.facts());
    assert!(repacked <= foreseen.host.model_bytes, "{foreseen:?}");
    let all = project(backend(), &path, u32::MAX >> 1, &spec(512), CARD).expect("a projection");
    assert_eq!(all.host.repacked_bytes, 0, "{all:?}");
}
