//! Measures one placement, inside the worker process.

use std::sync::atomic::AtomicBool;

use super::placement::{PlacementOutcome, PlacementPhase, PlacementRequest, ProjectionRequest};
use super::tokens::{LONGEST_REPETITION, RepetitionSpec, repeat};
use crate::clock::Clock;
use crate::llm::engine::{
    Backend, ContextSpec, DeviceKind, EngineError, Model, Placement, PlacementTarget, ProjectedBytes, ProjectedDevice,
    Projection, ProjectionOptions, project_all,
};
use crate::record::TokenTest;

/// Loads, warms up, processes a prompt and generates. The two readers supply this process's anonymous memory and CPU
/// time; `begins` is called at each phase, outside timed regions.
///
/// # Errors
/// Those of the engine, including interruption. If ggml cannot allocate memory, it may also end the process.
pub fn measure_placement(
    backend: &'static Backend,
    request: &PlacementRequest,
    (anonymous_bytes, cpu_ns): (impl Fn() -> Option<u64>, impl Fn() -> Option<u64>),
    mut begins: impl FnMut(PlacementPhase),
    stop: &AtomicBool,
) -> Result<PlacementOutcome, EngineError> {
    let spec = ContextSpec {
        n_ctx: request.n_ctx,
        n_batch: request.n_batch,
        n_ubatch: request.n_ubatch,
        n_threads: request.n_threads,
        n_threads_batch: request.n_threads,
        type_k: request.kv_type.parse()?,
        type_v: request.kv_type.parse()?,
        flash_attention: request.flash_attn.parse()?,
    };
    spec.check()?;
    let clock = Clock::start();
    let before = devices(backend);
    begins(PlacementPhase::Load);
    let began_ns = clock.now_ns();
    let placement = Placement { n_gpu_layers: Some(request.n_gpu_layers), use_mmap: true, mlock: request.use_mlock };
    let goes_on = || !stop.load(std::sync::atomic::Ordering::Relaxed);
    let model = Model::load(backend, &request.path, &placement, &mut |_| goes_on())?;
    let mut session = model.session(&spec)?;
    let ready_ns = clock.now_ns() - began_ns;
    let held = session.held(request.n_gpu_layers)?;
    let (n_prompt, n_gen) = (request.n_prompt as usize, request.n_gen as usize);
    begins(PlacementPhase::WarmUp);
    session.warm_up(n_prompt, n_gen, stop)?;
    let mut one = |test, tokens| {
        let asked = RepetitionSpec {
            test,
            threads: request.n_threads,
            depth: 0,
            tokens,
            is_sampled: false,
            within: LONGEST_REPETITION,
            least_tokens_per_s: 0.0,
        };
        repeat(&mut session, asked, &clock, &cpu_ns, stop)
    };
    begins(PlacementPhase::Prompt);
    let prompt = one(TokenTest::Prompt, n_prompt)?;
    begins(PlacementPhase::Generation);
    let generation = one(TokenTest::Generation, n_gen)?;
    begins(PlacementPhase::Done);
    let facts = model.facts();
    Ok(PlacementOutcome {
        description: facts.description.clone(),
        n_params: facts.n_params,
        size_bytes: facts.size_bytes,
        load_ns: facts.load_ns,
        ready_ns,
        held,
        before,
        after: devices(backend),
        prompt,
        generation,
        rss_anon_bytes: anonymous_bytes(),
        warnings: facts.warnings.iter().map(|line| line.text.clone()).collect(),
        lock: facts.lock(),
    })
}

/// Projects the memory of every placement on this machine's devices.
///
/// # Errors
/// Those of the engine. A device driver may also end the process.
pub fn foresee_placements(
    backend: &'static Backend,
    request: &ProjectionRequest,
    by: ProjectionOptions<'_>,
) -> Result<Vec<Projection>, EngineError> {
    let kv = request.kv_type.parse()?;
    let spec = ContextSpec {
        n_ctx: request.n_ctx,
        n_batch: request.n_batch,
        n_ubatch: request.n_ubatch,
        type_k: kv,
        type_v: kv,
        flash_attention: request.flash_attn.parse()?,
        ..ContextSpec::default()
    };
    project_all(backend, &request.path, &spec, PlacementTarget::Machine, by)
}

/// Current state of the devices that have memory of their own.
fn devices(backend: &Backend) -> Vec<ProjectedDevice> {
    let is_gpu = |kind| matches!(kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    let devices = backend.devices().into_iter().filter(|device| is_gpu(device.kind));
    devices
        .map(|device| ProjectedDevice {
            name: device.name,
            memory_total_bytes: device.memory_total_bytes,
            memory_free_bytes: device.memory_free_bytes,
            bytes: ProjectedBytes::default(),
        })
        .collect()
}
