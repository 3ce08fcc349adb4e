//! One sample of everything: GPUs, processes, the machine.

use jiff::Timestamp;
use serde::Serialize;

use super::devices::{ReadingFault, WatchedGpus};
use super::model_calls::{ModelCalls, ModelSnapshot};
use crate::clock::Clock;
use crate::host::gpu::{GpuReading, vram_of};
use crate::host::{FoundProcess, ProcessChoiceError, ProcessQuery, ProcessReading, ProcessTable, current_load_average};
use crate::record::Fact;

/// How many other programs a machine without a GPU is shown with.
const MOST_OTHERS: usize = 5;

/// Readings at one time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Snapshot {
    /// Wall-clock time.
    pub(crate) time: Timestamp,
    /// Time in seconds since the start of the watch.
    pub(crate) at_s: f64,
    /// The GPUs.
    pub(crate) gpus: Vec<GpuSnapshot>,
    /// The machine.
    pub(crate) machine: MachineSnapshot,
    /// The processes.
    pub(crate) processes: Vec<ProcessSnapshot>,
    /// Without a GPU, the other programs that use the most CPU time. They are shown and never stored.
    #[serde(skip)]
    pub(crate) busiest: Vec<ProcessSnapshot>,
    /// The model's calls, if an application runs that `launch --measure` started.
    pub(crate) model: Option<ModelSnapshot>,
}

/// Readings of one GPU.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GpuSnapshot {
    /// Label.
    pub(crate) label: String,
    /// Product name.
    pub(crate) name: String,
    /// Memory use in percent.
    pub(crate) vram_percent: Fact<f64>,
    /// All readings.
    pub(crate) reading: Fact<GpuReading>,
    /// Whether it is gone.
    pub(crate) lost: bool,
}

/// Readings of the machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MachineSnapshot {
    /// Total memory, in bytes.
    pub(crate) memory_bytes: Fact<u64>,
    /// Memory that programs can still allocate, in bytes.
    pub(crate) available_bytes: Fact<u64>,
    /// CPU use in percent of all CPUs.
    pub(crate) cpu_percent: Fact<f64>,
    /// One-minute load average.
    pub(crate) load_average: Fact<f64>,
}

/// Readings of one process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ProcessSnapshot {
    /// Memory and CPU use.
    #[serde(flatten)]
    pub(crate) usage: ProcessReading,
    /// GPU memory on all GPUs, in bytes; `None` if it uses none.
    pub(crate) vram_bytes: Fact<Option<u64>>,
}

/// Takes the samples.
#[derive(Debug)]
pub(crate) struct SnapshotSampler {
    processes: ProcessTable,
    named: Vec<FoundProcess>,
    calls: ModelCalls,
    samples: u64,
}

impl SnapshotSampler {
    /// Finds the named processes.
    pub(crate) fn new(named: &[String]) -> Result<Self, ProcessChoiceError> {
        let mut processes = ProcessTable::new();
        processes.refresh();
        let find = |text: &String| match text.parse::<ProcessQuery>() {
            Ok(query) => processes.find(&query),
            Err(never) => match never {},
        };
        let named = named.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { processes, named, calls: ModelCalls::default(), samples: 0 })
    }

    /// Memory that programs can still allocate, in bytes; `None` if unknown.
    #[cfg(feature = "llama")]
    pub(crate) fn free_memory(&self) -> Option<u64> {
        self.processes.machine_memory().1.value().copied()
    }

    /// Takes a sample. `held_bytes` are this program's own allocations on a simulated GPU.
    pub(crate) fn sample(&mut self, devices: &WatchedGpus, clock: &Clock, held_bytes: u64) -> Snapshot {
        let at_ns = clock.now_ns();
        let gpus: Vec<GpuSnapshot> = (0..devices.gpus.len()).map(|place| gpu(devices, place, held_bytes)).collect();
        self.processes.refresh();
        self.samples += 1;
        let mut found = self.processes.of_workly();
        found.extend(
            self.named
                .iter()
                .filter(|named| !found.iter().any(|other| other.pid == named.pid))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let usages: Vec<ProcessReading> =
            found.iter().filter_map(|process| self.processes.look(process, at_ns)).collect();
        let (memory_bytes, available_bytes) = self.processes.machine_memory();
        let without_vram = |usage| ProcessSnapshot { vram_bytes: Fact::Unsupported, usage };
        let busiest = if gpus.is_empty() { self.processes.busiest(MOST_OTHERS, &found, at_ns) } else { Vec::new() };
        Snapshot {
            time: Timestamp::now(),
            at_s: at_ns as f64 / 1e9,
            machine: MachineSnapshot {
                memory_bytes,
                available_bytes,
                cpu_percent: self.processes.machine_cpu_percent(self.samples),
                load_average: current_load_average(),
            },
            model: self.calls.read(&usages),
            busiest: busiest.into_iter().map(without_vram).collect(),
            processes: usages
                .into_iter()
                .map(|usage| ProcessSnapshot { vram_bytes: vram(&gpus, usage.process.pid), usage })
                .collect(),
            gpus,
        }
    }
}

fn gpu(devices: &WatchedGpus, place: usize, held_bytes: u64) -> GpuSnapshot {
    let watched = &devices.gpus[place];
    let (reading, lost) = match devices.read(place, held_bytes) {
        Ok(reading) => (Fact::Value(reading), false),
        Err(ReadingFault { lost, reason }) => (Fact::Failed(reason), lost),
    };
    GpuSnapshot {
        label: watched.label.clone(),
        name: watched.name.clone(),
        vram_percent: match &reading {
            Fact::Value(reading) => reading.vram_percent(),
            missing => missing.map(|_| 0.0),
        },
        reading,
        lost,
    }
}

/// Memory of a process on all GPUs together. The parts of a split GPU repeat figures of the whole.
fn vram(gpus: &[GpuSnapshot], pid: u32) -> Fact<Option<u64>> {
    let whole = gpus.iter().filter(|gpu| !gpu.label.contains('.'));
    vram_of(whole.filter_map(|gpu| gpu.reading.value()), pid)
}
