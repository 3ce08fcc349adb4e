//! Findings about the conversation and the life cycle.

use super::super::gpu_memory::GpuMemoryReader;
use super::super::leak_metrics::sentence;
use super::cases::{device_growth, judge, reconciled};
use super::life_cycle::{ConversationSamples, LifeCycleStep};
use super::projected::ProjectedMemory;
use crate::plan::ConversationPlan;
use crate::report::amount;

/// The findings: first the leak verdict, then llama.cpp's projection compared with the measurement.
pub(super) fn findings(
    plan: &ConversationPlan,
    steps: &[LifeCycleStep],
    projected: &ProjectedMemory,
    data: &ConversationSamples,
    gpus: Option<&GpuMemoryReader>,
    is_locked: bool,
) -> Vec<String> {
    let mut findings = vec![sentence("anonymous memory", &plan.leak, &judge(plan, data)), parts(projected, is_locked)];
    findings.extend(reconciled(steps, projected).map(|found| {
        format!(
            "From the backend to the context, anonymous and file-backed memory grew by {}: {:.1} % of the projected weights and \
             KV cache.",
            amount(found.measured_bytes),
            100.0 * found.measured_bytes / found.projected_bytes.max(1.0)
        )
    }));
    findings.extend(on_devices(steps, projected));
    findings.extend(gpus.map(GpuMemoryReader::description));
    findings
}

/// Locations of weights, cache and buffers.
fn parts(projected: &ProjectedMemory, is_locked: bool) -> String {
    let of = |bytes: u64| amount(bytes as f64);
    let (own, repacked, mapped) = (projected.weights_bytes, projected.repacked_bytes, projected.mapped_bytes);
    let repacked_words =
        if repacked > 0 { format!(" ({} of them repacked for this CPU)", of(repacked)) } else { String::new() };
    let twice = match (repacked, mapped, is_locked) {
        (1.., 1.., false) => {
            " Repacked weights of a memory-mapped file are in memory twice; the system can take the file's pages back."
        }
        (1.., 1.., true) => {
            " Repacked weights of a memory-mapped file are in memory twice: the lock keeps the file's pages, which nobody reads any more."
        }
        _ => "",
    };
    format!(
        "According to llama.cpp, {} of weights are in anonymous memory{repacked_words} and {} are pages of their file; it \
         projected {} of KV cache and {} of compute buffers.{twice}",
        of(own),
        of(mapped),
        of(projected.kv_bytes),
        of(projected.compute_bytes),
    )
}

/// Projected device memory, compared with ggml's buffers and, if known, with the growth of GPU memory.
fn on_devices(steps: &[LifeCycleStep], projected: &ProjectedMemory) -> Option<String> {
    let on_devices = projected.device_bytes as f64;
    if projected.device_bytes == 0 {
        return None;
    }
    let of_it = |bytes: f64| format!("{}, {:.1} % of it", amount(bytes), 100.0 * bytes / on_devices);
    let held = projected.device_held_bytes.map(|bytes| format!(" ggml's buffers there hold {}.", of_it(bytes as f64)));
    let grown = device_growth(steps)
        .map(|(name, grown)| format!(" From the backend to the context, {name} grew by {}.", of_it(grown)));
    Some(format!(
        "Another {} was projected on devices, and is in no metric of this process's memory.{}{}",
        amount(on_devices),
        held.unwrap_or_default(),
        grown.unwrap_or_default()
    ))
}
