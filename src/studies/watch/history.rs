//! The last readings, for the curves.

use std::collections::{HashMap, VecDeque};

use super::{MachineSnapshot, WatchStatus};

/// Maximum number of readings in the curves.
const MOST_SAMPLES: usize = 512;

/// Readings in the bars beside a process.
pub(crate) const READINGS_OF_A_PROCESS: u16 = 12;

/// The bars beside a process, from low to high.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What the curves show of a reading; absent if not read.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WatchSample {
    /// Memory use of the GPU, in percent.
    pub(crate) gpu_full_percent: Option<f64>,
    /// Utilisation of the GPU, in percent.
    pub(crate) gpu_use_percent: Option<f64>,
    /// Use of all CPUs, in percent.
    pub(crate) cpu_percent: Option<f64>,
    /// Memory of the machine that is in use, in percent.
    pub(crate) memory_percent: Option<f64>,
    /// Speed of the newest reply, if there is a new one, in tokens per second.
    pub(crate) tokens_per_s: Option<f64>,
}

/// The last readings.
#[derive(Debug, Default)]
pub(crate) struct WatchHistory {
    samples: VecDeque<WatchSample>,
    /// CPU use of each process, in percent of one CPU, newest last.
    processes: HashMap<u32, VecDeque<Option<f64>>>,
    calls: u64,
}

/// One curve.
pub(crate) struct WatchCurve {
    /// What it shows.
    pub(crate) title: String,
    /// Oldest first.
    pub(crate) values: Vec<Option<f64>>,
    /// The value at its top.
    pub(crate) top: f64,
}

impl WatchHistory {
    /// Adds a reading.
    pub(crate) fn add(&mut self, status: &WatchStatus<'_>) {
        let snapshot = status.snapshot;
        let model = snapshot.model.as_ref();
        let has_new = model.is_some_and(|model| model.calls > self.calls);
        self.calls = model.map_or(self.calls, |model| model.calls);
        self.push(WatchSample {
            gpu_full_percent: status.load.map(|load| load.full_percent),
            gpu_use_percent: status.load.and_then(|load| load.use_percent),
            cpu_percent: snapshot.machine.cpu_percent.value().copied(),
            memory_percent: memory_percent(&snapshot.machine),
            tokens_per_s: model.filter(|_| has_new).and_then(|model| model.tokens_per_s),
        });
        let shown = snapshot.processes.iter().chain(&snapshot.busiest);
        let used: HashMap<u32, Option<f64>> =
            shown.map(|process| (process.usage.process.pid, process.usage.cpu_percent.value().copied())).collect();
        // A process that is not shown now has no bar for now, and is forgotten once it has none at all.
        for (pid, lately) in &mut self.processes {
            lately.push_back(used.get(pid).copied().flatten());
            if lately.len() > usize::from(READINGS_OF_A_PROCESS) {
                lately.pop_front();
            }
        }
        self.processes.retain(|_, lately| lately.iter().any(Option::is_some));
        for (pid, percent) in used {
            self.processes.entry(pid).or_insert_with(|| VecDeque::from([percent]));
        }
    }

    /// Adds what the curves show.
    pub(crate) fn push(&mut self, sample: WatchSample) {
        self.samples.push_back(sample);
        if self.samples.len() > MOST_SAMPLES {
            self.samples.pop_front();
        }
    }

    /// The curves: of the GPU if there is one, else of the machine and its model.
    pub(crate) fn curves(&self, has_gpu: bool) -> Vec<WatchCurve> {
        let values = |of: fn(&WatchSample) -> Option<f64>| self.samples.iter().map(of).collect::<Vec<_>>();
        let percent = |title: &str, of| WatchCurve { title: title.into(), values: values(of), top: 100.0 };
        if has_gpu {
            return vec![
                percent("memory, % full", |sample| sample.gpu_full_percent),
                percent("use, %", |sample| sample.gpu_use_percent),
            ];
        }
        let mut curves = vec![
            percent("CPU, %", |sample| sample.cpu_percent),
            percent("memory in use, %", |sample| sample.memory_percent),
        ];
        let speeds = values(|sample| sample.tokens_per_s);
        if let Some(top) = speeds.iter().flatten().copied().reduce(f64::max) {
            curves.push(WatchCurve { title: format!("tokens/s, top {top:.0}"), values: speeds, top });
        }
        curves
    }

    /// The CPU use of a process in the last readings as bars, up to one CPU or its own maximum.
    pub(crate) fn lately(&self, pid: u32) -> String {
        let Some(lately) = self.processes.get(&pid) else { return String::new() };
        let top = lately.iter().flatten().copied().fold(100.0, f64::max);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of seven.
        let bar = |percent: &Option<f64>| {
            percent.map_or(' ', |percent| BARS[((percent.max(0.0) / top * 7.0).round() as usize).min(7)])
        };
        lately.iter().map(bar).collect()
    }
}

/// Memory that is in use, in percent.
fn memory_percent(machine: &MachineSnapshot) -> Option<f64> {
    let (all, free) = (*machine.memory_bytes.value()?, *machine.available_bytes.value()?);
    (all > 0).then(|| 100.0 * all.saturating_sub(free) as f64 / all as f64)
}
