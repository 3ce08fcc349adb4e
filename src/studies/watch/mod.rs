//! GPUs, processes and the machine over time: sampled, evaluated by rules, recorded.

mod devices;
mod display;
mod error;
mod events;
mod findings;
mod ggml_devices;
mod history;
mod model_calls;
mod samples;
#[cfg(feature = "llama")]
mod saturation;
mod session;
mod snapshot;
mod snapshot_log;
mod watching;

pub(crate) use devices::WatchedGpus;
pub(crate) use display::{WaitResult, WatchDisplay, WatchStatus};
pub(crate) use events::{EventKind, WatchEvent};
pub(crate) use ggml_devices::ggml_devices;
#[cfg(test)]
pub(crate) use history::WatchSample;
pub(crate) use history::{READINGS_OF_A_PROCESS, WatchCurve, WatchHistory};
pub(crate) use model_calls::ModelSnapshot;
pub(crate) use session::{ProfileWriter, WatchSession};
pub(crate) use snapshot::{GpuSnapshot, MachineSnapshot, ProcessSnapshot, Snapshot, SnapshotSampler};
pub(crate) use snapshot_log::SnapshotLog;
pub(crate) use watching::{WatchOutcome, open_sources};
