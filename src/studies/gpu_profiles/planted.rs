//! Samples with known figures.

use jiff::Timestamp;

use super::super::setup::chat_model;
use super::gpu_watch::GpuReadings;
use super::gpus::SizedGpu;
use super::projections::{Projections, empty_card};
use super::study::PreparedSweep;
use super::sweep::{PhaseTimes, PlacementSample, PlacementSamples, PlacementSweepResult};
use crate::advise::PlacementOption;
use crate::llm::engine::{
    Device, DeviceKind, KvType, LockOutcome, PlacementTarget, ProjectedBytes, ProjectedDevice, Projection,
};
use crate::llm::{ModelFacts, ModelOutline};
use crate::measure::{PlacementOutcome, TokenSample};
use crate::plan::{GpuProfilesPlan, GpuReserve, RoundLimit, SweepDepth};

const MS: u64 = 1_000_000;

/// A plan with `rounds` rounds of 16 prompt tokens and 8 generated tokens.
pub(super) fn plan(rounds: u32) -> GpuProfilesPlan {
    GpuProfilesPlan {
        depth: SweepDepth::Measure,
        cards_bytes: Vec::new(),
        layers: Vec::new(),
        reserve: GpuReserve::Bytes(100),
        require_gpu: false,
        try_all: false,
        contexts: vec![256],
        cache_types: vec![KvType::F16],
        type_k: "f16",
        type_v: "f16",
        n_batch: 64,
        n_ubatch: 64,
        flash_attn: "auto",
        n_threads: 1,
        n_gpu_layers: None,
        use_mmap: true,
        use_mlock: false,
        rounds: RoundLimit::Repetitions(rounds),
        n_prompt: 16,
        n_gen: 8,
        timeout_s: 1.0,
        seed: 1,
    }
}

/// The header of one of this program's models.
pub(super) fn facts() -> ModelFacts {
    let outline = ModelOutline::of(&"synth:tiny".parse().unwrap()).unwrap();
    chat_model(outline.path()).unwrap().1
}

/// The projection for a GPU on which each layer takes 100 bytes, plus 20.
pub(super) fn projection(n_gpu_layers: u32) -> Projection {
    let bytes =
        ProjectedBytes { model_bytes: 100 * u64::from(n_gpu_layers), compute_bytes: 20, ..ProjectedBytes::default() };
    on_gpu(n_gpu_layers, bytes)
}

fn on_gpu(n_gpu_layers: u32, bytes: ProjectedBytes) -> Projection {
    let device =
        ProjectedDevice { name: "GPU0".into(), memory_total_bytes: Some(1000), memory_free_bytes: Some(900), bytes };
    Projection { n_gpu_layers, n_layer: 3, n_ctx: 256, devices: vec![device], host: ProjectedBytes::default() }
}

/// All placements of a model with four layers to offload.
pub(super) fn projections() -> Projections {
    let first: Vec<Projection> = (0..=4).map(projection).collect();
    let option = |placement: &Projection| PlacementOption {
        n_gpu_layers: placement.n_gpu_layers,
        n_ctx: placement.n_ctx,
        kv_type: "f16".into(),
        kv_bits_x10: 160,
        device_bytes: placement.on_devices().total_bytes(),
        host_bytes: 0,
    };
    let options = first.iter().map(option).collect();
    Projections { target: PlacementTarget::Machine, first, options, took_ms: 1.0, gave_up: None }
}

/// GPUs of these sizes, of which 100 bytes stay free.
pub(super) fn cards(sizes_bytes: &[u64]) -> Vec<SizedGpu> {
    let card = |&bytes: &u64| SizedGpu { name: bytes.to_string(), budget: empty_card(bytes, 100) };
    sizes_bytes.iter().map(card).collect()
}

/// A GPU with 500 bytes, of which 100 stay free.
pub(super) fn prepared() -> PreparedSweep {
    let gpu = Device {
        index: 0,
        name: "GPU0".into(),
        description: "planted".into(),
        backend: "CUDA".into(),
        kind: DeviceKind::Gpu,
        memory_total_bytes: Some(500),
        memory_free_bytes: Some(500),
    };
    let (projections, budget) = (projections(), empty_card(500, 100));
    let pick = projections.pick(&budget);
    PreparedSweep { gpus: vec![gpu], projections, budget: Some(budget), pick, auto: 3 }
}

/// `rounds` rounds of one second: without layers on the GPU 100 tokens per second, with two layers 200; four are
/// skipped.
pub(super) fn result(rounds: u32) -> PlacementSweepResult {
    let measured = |n_gpu_layers: u32, token_ms: u64| PlacementSamples {
        n_gpu_layers,
        projection: Some(projection(n_gpu_layers)),
        samples: (0..u64::from(rounds)).map(|round| sample(round, n_gpu_layers, token_ms)).collect(),
        skipped: None,
        failed: None,
    };
    let skipped =
        PlacementSamples { skipped: Some("skipped: it needs 4 of 3".into()), samples: Vec::new(), ..measured(4, 5) };
    PlacementSweepResult { placements: vec![measured(0, 10), measured(2, 5), skipped], rounds }
}

fn sample(round: u64, n_gpu_layers: u32, token_ms: u64) -> PlacementSample {
    let tokens = |tokens: usize, ttft_ns: Option<u64>| TokenSample {
        began_ns: 5,
        ended_ns: 5 + tokens as u64 * token_ms * MS,
        tokens,
        elapsed_ns: tokens as u64 * token_ms * MS,
        ttft_ns,
        inter_token_ns: if ttft_ns.is_some() { Vec::new() } else { vec![token_ms * MS; tokens] },
        is_cut: false,
        cpu_ns: None,
    };
    let held = ProjectedBytes { model_bytes: 100 * u64::from(n_gpu_layers), ..ProjectedBytes::default() };
    let measured = PlacementOutcome {
        description: "planted".into(),
        n_params: 1,
        size_bytes: 1,
        load_ns: 50 * MS,
        ready_ns: 60 * MS,
        held: on_gpu(n_gpu_layers, held),
        before: Vec::new(),
        after: Vec::new(),
        prompt: tokens(16, Some(16 * token_ms * MS)),
        generation: tokens(8, None),
        rss_anon_bytes: Some(7),
        warnings: Vec::new(),
        lock: LockOutcome::default(),
    };
    let phases = PhaseTimes { prompt_ns: (1_000 * round + 100) * MS, generation_ns: (1_000 * round + 200) * MS };
    PlacementSample { began: Timestamp::UNIX_EPOCH, phases, measured, seen: GpuReadings::default() }
}
