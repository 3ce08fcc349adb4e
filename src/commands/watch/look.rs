//! One look at everything: the GPUs, the processes, the machine.

use jiff::Timestamp;
use serde::Serialize;

use super::devices::{Devices, Gap};
use crate::clock::Clock;
use crate::host::gpu::{GpuReading, vram_of};
use crate::host::{FoundProcess, ProcessChoiceError, ProcessLook, ProcessQuery, Processes};
use crate::record::Fact;

/// What was seen at one moment.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Look {
    /// When, by the calendar.
    pub(super) time: Timestamp,
    /// When, in seconds since the watch began.
    pub(super) at_s: f64,
    /// The GPUs.
    pub(super) gpus: Vec<GpuLook>,
    /// The machine.
    pub(super) machine: MachineLook,
    /// The processes.
    pub(super) processes: Vec<WatchedProcess>,
}

/// What was seen of one GPU.
#[derive(Debug, Clone, Serialize)]
pub(super) struct GpuLook {
    /// What it is called here.
    pub(super) label: String,
    /// What its maker calls it.
    pub(super) name: String,
    /// How full it is, in percent.
    pub(super) vram_percent: Fact<f64>,
    /// Everything that was read.
    pub(super) reading: Fact<GpuReading>,
    /// Whether it is gone.
    pub(super) lost: bool,
}

/// What was seen of the machine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MachineLook {
    /// Its memory, in bytes.
    pub(super) memory_bytes: Fact<u64>,
    /// What of it programs can still have, in bytes.
    pub(super) available_bytes: Fact<u64>,
    /// How busy its CPUs are together, in percent of all.
    pub(super) cpu_percent: Fact<f64>,
}

/// What was seen of one process.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WatchedProcess {
    /// What it holds and how busy it is.
    #[serde(flatten)]
    pub(super) look: ProcessLook,
    /// What it holds on all GPUs, in bytes; nothing where it uses none.
    pub(super) vram_bytes: Fact<Option<u64>>,
}

/// Looks, again and again.
#[derive(Debug)]
pub(super) struct Looker {
    processes: Processes,
    named: Vec<FoundProcess>,
    looks: u64,
}

impl Looker {
    /// Finds the processes that were named.
    pub(super) fn new(named: &[String]) -> Result<Self, ProcessChoiceError> {
        let mut processes = Processes::new();
        processes.refresh();
        let find = |text: &String| match text.parse::<ProcessQuery>() {
            Ok(query) => processes.find(&query),
            Err(never) => match never {},
        };
        let named = named.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { processes, named, looks: 0 })
    }

    /// What of the machine's memory programs can still have, in bytes; `None` where it is not told.
    #[cfg(feature = "llama")]
    pub(super) fn free_memory(&self) -> Option<u64> {
        self.processes.machine_memory().1.value().copied()
    }

    /// Looks once. `held_bytes` is what this program has taken of a card that stands in.
    pub(super) fn look(&mut self, devices: &Devices, clock: &Clock, held_bytes: u64) -> Look {
        let at_ns = clock.now_ns();
        let gpus: Vec<GpuLook> = (0..devices.gpus.len()).map(|place| gpu(devices, place, held_bytes)).collect();
        self.processes.refresh();
        self.looks += 1;
        let mut found = self.processes.of_workly();
        found.extend(
            self.named
                .iter()
                .filter(|named| !found.iter().any(|other| other.pid == named.pid))
                .cloned()
                .collect::<Vec<_>>(),
        );
        let looks: Vec<ProcessLook> = found.iter().filter_map(|process| self.processes.look(process, at_ns)).collect();
        let (memory_bytes, available_bytes) = self.processes.machine_memory();
        Look {
            time: Timestamp::now(),
            at_s: at_ns as f64 / 1e9,
            machine: MachineLook {
                memory_bytes,
                available_bytes,
                cpu_percent: self.processes.machine_cpu_percent(self.looks),
            },
            processes: looks
                .into_iter()
                .map(|look| WatchedProcess { vram_bytes: vram(&gpus, look.process.pid), look })
                .collect(),
            gpus,
        }
    }
}

fn gpu(devices: &Devices, place: usize, held_bytes: u64) -> GpuLook {
    let watched = &devices.gpus[place];
    let (reading, lost) = match devices.read(place, held_bytes) {
        Ok(reading) => (Fact::Value(reading), false),
        Err(Gap { lost, reason }) => (Fact::Failed(reason), lost),
    };
    GpuLook {
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

/// What a process holds on all GPUs together. The parts of a split one repeat what the whole has.
fn vram(gpus: &[GpuLook], pid: u32) -> Fact<Option<u64>> {
    let whole = gpus.iter().filter(|gpu| !gpu.label.contains('.'));
    vram_of(whole.filter_map(|gpu| gpu.reading.value()), pid)
}
