//! The model: its header, and the memory it needs with the application's profile.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::super::model_check::Use;
use super::super::observer::Observer;
use super::super::setup::{LocatedModel, locate};
use crate::advise::checkup::ModelNeed;
use crate::host;
use crate::llm::engine::{ProjectedBytes, Projection};
use crate::llm::{GpuProfile, ModelRef};
use crate::record::Fact;

/// The model's needs, or the reason why they are unknown.
pub(super) fn need(
    (model, config): (Option<&ModelRef>, Option<&Path>),
    profile: &GpuProfile,
    observer: &dyn Observer,
    stop: &AtomicBool,
) -> Result<ModelNeed, String> {
    let located = locate(model, config, Use::header(layers(profile)), observer, stop).map_err(|failure| {
        match (model, failure.advice()) {
            // The check-up's own hint is to name a file.
            (Some(ModelRef::Published(_)), Some(advice)) => format!("{}; {advice}", failure.reason()),
            _ => failure.reason(),
        }
    })?;
    let facts = &located.facts;
    let resolved = facts.profiles.iter().find(|resolved| resolved.asked.name == profile.name);
    let projected = projected(&located, profile);
    Ok(ModelNeed {
        description: format!("{} ({})", located.name(), facts.quantisation),
        synthetic: !located.simulated().is_empty(),
        profile: profile.name.clone(),
        header_hash: facts.header_hash.clone(),
        profile_threads: profile.n_threads,
        layers: resolved.and_then(|resolved| resolved.resolved_gpu_layers).zip(facts.offloadable_layers),
        needs_bytes: projected.as_ref().map(|needs| needs.everywhere().total_bytes()),
        card_bytes: projected.as_ref().map(|needs| needs.on_devices().total_bytes()),
        unread_locked_bytes: projected.filter(|_| profile.mlock).map_or(0, |needs| unread_locked_bytes(&needs.host)),
        beyond_trained_context: resolved.is_some_and(|resolved| resolved.beyond_trained_context),
    })
}

/// The profile's layers; negative means more than any model has.
fn layers(profile: &GpuProfile) -> u32 {
    u32::try_from(profile.n_gpu_layers).unwrap_or(u32::MAX >> 1)
}

/// Pages of the file that a lock keeps although their weights were repacked: all that it locks, unless the system allows less.
fn unread_locked_bytes(host_part: &ProjectedBytes) -> u64 {
    match host::memory_lock_limit() {
        Fact::Value(Some(limit)) if limit < host_part.model_bytes => 0,
        _ => host_part.repacked_bytes,
    }
}

/// What it needs according to llama.cpp.
#[cfg(feature = "llama")]
fn projected(located: &LocatedModel, profile: &GpuProfile) -> Option<Projection> {
    use crate::llm::engine::{Backend, ContextSpec, PlacementTarget, project};

    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let n_batch = number(profile.n_batch);
    let default = ContextSpec::default();
    let spec =
        ContextSpec { n_ctx: number(profile.n_ctx), n_batch, n_ubatch: default.n_ubatch.min(n_batch), ..default };
    project(Backend::start().ok()?, &located.path, layers(profile), &spec, PlacementTarget::Machine).ok()
}

/// Without an engine, there is no projection.
#[cfg(not(feature = "llama"))]
fn projected(_: &LocatedModel, _: &GpuProfile) -> Option<Projection> {
    None
}

/// Why this build does not use the machine's full speed, if it does not.
#[cfg(feature = "llama")]
pub(super) fn build_warning() -> Option<String> {
    match crate::llm::engine::Backend::start() {
        Ok(backend) => backend.vector_units(),
        Err(error) => Some(format!("llama.cpp does not start: {error}")),
    }
}

/// A build without an engine computes nothing.
#[cfg(not(feature = "llama"))]
pub(super) fn build_warning() -> Option<String> {
    None
}
