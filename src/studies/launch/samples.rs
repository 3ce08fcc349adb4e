//! The calls so far, and the memory of the calling process.

use serde_json::{Map, Value};

use super::super::memory::GpuMemory;
use super::scene::SceneSamples;
use crate::launch::MeasuredCall;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct LaunchSamples {
    pub(super) calls: Vec<MeasuredCall>,
    /// Sets of parameters that calls ran with, in order of first use.
    pub(super) in_force: Vec<Map<String, Value>>,
    /// Memory of the process with the model, in bytes.
    pub(super) resident_bytes: Vec<u64>,
    /// GPU memory of that process and of the whole GPU.
    pub(super) vram: Vec<GpuMemory>,
    /// Source of the GPU memory figures.
    pub(super) vram_by: Option<String>,
    /// The avatar's process.
    pub(super) scene: SceneSamples,
    /// Unreadable lines of the file of calls.
    pub(super) unreadable: u64,
    /// From the start of the measurement to its end, in nanoseconds.
    pub(super) duration_ns: u64,
}

impl LaunchSamples {
    /// Adds a call.
    pub(super) fn add(&mut self, mut call: MeasuredCall) {
        let in_force = std::mem::take(&mut call.in_force);
        if !in_force.is_empty() && !self.in_force.contains(&in_force) {
            self.in_force.push(in_force);
        }
        self.calls.push(call);
    }

    /// One quantity, of all calls that have it.
    pub(super) fn each<T>(&self, quantity: impl Fn(&MeasuredCall) -> Option<T>) -> Vec<T> {
        self.calls.iter().filter_map(quantity).collect()
    }
}
