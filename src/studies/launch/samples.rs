//! The calls so far, and the memory of the process that makes them.

use serde_json::{Map, Value};

use super::super::memory::GpuMemory;
use super::scene::SceneSamples;
use crate::launch::MeasuredCall;

/// Everything measured so far.
#[derive(Debug, Default)]
pub(crate) struct LaunchSamples {
    pub(super) calls: Vec<MeasuredCall>,
    /// The sets of parameters that calls ran with, in the order of their first call.
    pub(super) in_force: Vec<Map<String, Value>>,
    /// Memory of the process that loads the model, in bytes.
    pub(super) resident_bytes: Vec<u64>,
    /// GPU memory of that process and of the whole GPU.
    pub(super) vram: Vec<GpuMemory>,
    /// What reports GPU memory.
    pub(super) vram_by: Option<String>,
    /// The avatar's process.
    pub(super) scene: SceneSamples,
    /// Lines of the calls' file that could not be read.
    pub(super) unreadable: u64,
    /// From the start of the measurement to its end, in nanoseconds.
    pub(super) duration_ns: u64,
}

impl LaunchSamples {
    /// Takes a call.
    pub(super) fn add(&mut self, mut call: MeasuredCall) {
        let in_force = std::mem::take(&mut call.in_force);
        if !in_force.is_empty() && !self.in_force.contains(&in_force) {
            self.in_force.push(in_force);
        }
        self.calls.push(call);
    }

    /// One quantity of those calls that have it.
    pub(super) fn each<T>(&self, quantity: impl Fn(&MeasuredCall) -> Option<T>) -> Vec<T> {
        self.calls.iter().filter_map(quantity).collect()
    }
}
