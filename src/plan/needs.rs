//! A model's requirements, as input for the recommendation rules, and the settings of the application's profiles.

use std::path::Path;
use std::sync::atomic::AtomicBool;
#[cfg(feature = "llama")]
use std::sync::atomic::Ordering;

use crate::advise::{Basis, ContextFootprint, ModelNeeds, ProfileRequirement};
#[cfg(feature = "llama")]
use crate::llm::engine::EngineError;
use crate::llm::{GpuProfile, ModelFacts};

/// Why the requirements are unknown.
#[derive(Debug, thiserror::Error)]
pub enum NeedsError {
    /// llama.cpp does not start.
    #[cfg(feature = "llama")]
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The application's settings under each of its profiles, on a machine with `logical_cpus` logical CPUs. Without a
/// model, the layers are only known for a profile without any.
#[must_use]
pub fn app_profiles(facts: Option<&ModelFacts>, logical_cpus: Option<u64>) -> Vec<ProfileRequirement> {
    let layers = |asked: &GpuProfile| match facts {
        Some(facts) => facts.profiles.iter().find(|one| one.asked.name == asked.name)?.resolved_gpu_layers,
        None => (asked.n_gpu_layers == 0).then_some(0),
    };
    let ask = |asked: &GpuProfile| ProfileRequirement {
        name: asked.name.clone(),
        layers: layers(asked),
        n_ctx: asked.n_ctx,
        n_batch: asked.n_batch,
        n_threads: asked.n_threads,
        n_threads_batch: logical_cpus,
    };
    GpuProfile::built_in().iter().map(ask).collect()
}

/// The requirements of the model whose header is at `path`. For a GPU of a given size, the context of each profile is
/// evaluated with plain and quantised KV cache: with llama.cpp's projection if it is built in, otherwise by arithmetic.
/// `stop` is checked before each projection.
#[allow(clippy::must_use_candidate)] // Without llama.cpp it cannot fail and looks like a candidate.
pub fn model_needs(
    name: &str,
    path: &Path,
    facts: &ModelFacts,
    card_bytes: Option<u64>,
    stop: &AtomicBool,
) -> Result<ModelNeeds, NeedsError> {
    let mut contexts: Vec<(u64, u64)> =
        facts.profiles.iter().map(|profile| (profile.asked.n_ctx, profile.asked.n_batch)).collect();
    contexts.dedup();
    let (footprints, footprint_basis) = match card_bytes {
        Some(bytes) => taken(path, facts, &contexts, bytes, stop)?,
        None => (Vec::new(), Basis::Rule),
    };
    Ok(ModelNeeds {
        name: name.into(),
        header_hash: facts.header_hash.clone(),
        file_bytes: facts.file_bytes,
        trained_context: facts.figures.trained_context,
        footprints,
        footprint_basis,
    })
}

#[cfg(feature = "llama")]
fn taken(
    path: &Path,
    facts: &ModelFacts,
    contexts: &[(u64, u64)],
    memory_bytes: u64,
    stop: &AtomicBool,
) -> Result<(Vec<ContextFootprint>, Basis), NeedsError> {
    use crate::llm::engine::{Backend, ContextSpec, PlacementTarget, project};

    let backend = Backend::start()?;
    let target = PlacementTarget::Card { memory_bytes };
    let small = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    let mut footprints = Vec::new();
    for &(n_ctx, n_batch) in contexts {
        let spec = ContextSpec {
            n_ctx: small(n_ctx),
            n_batch: small(n_batch),
            n_ubatch: small(n_batch.min(512)),
            ..ContextSpec::default()
        };
        let project = |layers: u32| {
            if stop.load(Ordering::Relaxed) {
                return Err(EngineError::Stopped { done: 0 });
            }
            project(backend, path, layers, &spec, target)
        };
        let none = project(0)?;
        let taken = |layers: u32| Ok((layers, project(layers)?.on_devices()));
        let known = foreseen_at(none.n_layer).into_iter().map(taken).collect::<Result<Vec<_>, EngineError>>()?;
        let has_q8 = facts.kv_bytes_per_token.known().is_none_or(|cache| cache.q8_0.is_some());
        let caches = [("f16", (1, 1)), ("q8_0", Q8_0_OF_F16)];
        for (kv_type, (part, whole)) in caches.into_iter().take(if has_q8 { 2 } else { 1 }) {
            let bytes: Vec<(u32, u64)> = known
                .iter()
                .map(|(at, taken)| {
                    let rest = taken.total_bytes() - taken.context_bytes;
                    (*at, rest + taken.context_bytes / whole * part)
                })
                .collect();
            let card_bytes = (0..=none.n_layer + 1).map(|layers| between(&bytes, layers)).collect();
            footprints.push(ContextFootprint { n_ctx, n_batch, kv_type, card_bytes });
        }
    }
    Ok((footprints, Basis::Projected))
}

/// A block of 32 values takes 34 bytes instead of 64.
#[cfg(feature = "llama")]
const Q8_0_OF_F16: (u64, u64) = (17, 32);

/// The placements projected individually: both ends, the output layer alone, and the middle. Each costs a reading of
/// the vocabulary, a third of a second for a large one.
#[cfg(feature = "llama")]
fn foreseen_at(blocks: u32) -> Vec<u32> {
    let mut layers = vec![0, 1, blocks / 2, blocks + 1];
    layers.sort_unstable();
    layers.dedup();
    layers
}

/// The memory for `layers` layers, interpolated linearly between the nearest projected placements: blocks differ
/// little.
#[cfg(feature = "llama")]
fn between(known: &[(u32, u64)], layers: u32) -> u64 {
    let above = known.iter().position(|(at, _)| *at >= layers).unwrap_or(known.len() - 1);
    let (high, high_bytes) = known[above];
    if high == layers || above == 0 {
        return high_bytes;
    }
    let (low, low_bytes) = known[above - 1];
    low_bytes + high_bytes.saturating_sub(low_bytes) * u64::from(layers - low) / u64::from(high - low)
}

/// Without llama.cpp: the blocks' share of weights and KV cache, the output layer, and buffers as a plain
/// implementation needs them.
#[cfg(not(feature = "llama"))]
#[allow(clippy::unnecessary_wraps)] // The variant with llama.cpp can fail.
fn taken(
    _: &Path,
    facts: &ModelFacts,
    contexts: &[(u64, u64)],
    _: u64,
    _: &AtomicBool,
) -> Result<(Vec<ContextFootprint>, Basis), NeedsError> {
    let figures = &facts.figures;
    let (Some(blocks @ 1..), Some(cache)) = (figures.blocks, facts.kv_bytes_per_token.known()) else {
        return Ok((Vec::new(), Basis::Rule));
    };
    let parts = &facts.parts;
    let in_blocks = parts.attention + parts.feed_forward + parts.norms + parts.other;
    let output = if parts.output > 0 { parts.output } else { parts.embeddings };
    let caches = [("f16", Some(cache.f16)), ("q8_0", cache.q8_0)];
    let mut footprints = Vec::new();
    for &(n_ctx, n_batch) in contexts {
        for (kv_type, bytes) in caches.into_iter().filter_map(|(name, bytes)| Some((name, bytes?))) {
            let buffers = 4 * n_batch.min(512) * (facts.vocabulary.unwrap_or(0) + 8 * figures.embedding.unwrap_or(0));
            let on_card = |layers: u64| match layers {
                0 => 0,
                layers => {
                    let share = layers.min(blocks + 1) - u64::from(layers > 0);
                    output + (in_blocks + bytes * n_ctx) / blocks * share + buffers
                }
            };
            footprints.push(ContextFootprint {
                n_ctx,
                n_batch,
                kv_type,
                card_bytes: (0..=blocks + 1).map(on_card).collect(),
            });
        }
    }
    Ok((footprints, Basis::Rule))
}

#[cfg(all(test, feature = "llama"))]
mod tests {
    use super::*;

    #[test]
    fn memory_between_two_placements_is_interpolated() {
        assert_eq!(foreseen_at(32), [0, 1, 16, 33]);
        assert_eq!(foreseen_at(1), [0, 1, 2]);
        let known = [(0, 0), (1, 100), (5, 500), (6, 1_000)];
        let all: Vec<u64> = (0..=6).map(|layers| between(&known, layers)).collect();
        assert_eq!(all, [0, 100, 200, 300, 400, 500, 1_000]);
    }
}
