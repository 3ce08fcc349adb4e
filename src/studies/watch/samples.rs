//! Cases from samples.

use std::collections::BTreeMap;

use serde_json::json;

use super::events::{EventKind, WatchEvent};
use super::snapshot::{GpuSnapshot, Snapshot};
use crate::advise::watch::GpuState;
use crate::plural::counted;
use crate::record::{Case, CaseState, Direction, Fact, Metric, MetricStatus};
use crate::stats::mean_of;

/// A quantity in each sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GpuQuantity {
    Vram,
    Use,
    MemoryUse,
    Temperature,
    Power,
    Clock,
    Ram,
    Cpu,
    Threads,
    Handles,
}

impl GpuQuantity {
    /// Its name in the path of its case, and its unit.
    fn name_and_unit(self) -> (&'static str, &'static str) {
        match self {
            Self::Vram => ("vram", "bytes"),
            Self::Use => ("use", "%"),
            Self::MemoryUse => ("memory_use", "%"),
            Self::Temperature => ("temperature", "°C"),
            Self::Power => ("power", "W"),
            Self::Clock => ("clock", "MHz"),
            Self::Ram => ("ram", "bytes"),
            Self::Cpu => ("cpu", "%"),
            Self::Threads => ("threads", "count"),
            Self::Handles => ("handles", "count"),
        }
    }
}

/// Values of one figure, and how often it was missing, by reason.
#[derive(Debug, Default)]
struct FigureValues {
    given: Vec<f64>,
    missing: BTreeMap<String, u64>,
    unsupported: bool,
}

/// All figures of a watch, in order of their subjects.
#[derive(Debug, Default)]
pub(crate) struct WatchSamples {
    subjects: Vec<String>,
    values: BTreeMap<(usize, GpuQuantity), FigureValues>,
    /// Memory use of the selected GPU, in percent.
    full: Vec<f64>,
    /// Seconds in each state, and in none.
    in_state_s: [f64; 4],
    last: Option<(f64, Option<GpuState>)>,
}

impl WatchSamples {
    /// Adds a sample; `chosen` is the selected GPU, `state` its state after the sample.
    pub(super) fn add(&mut self, snapshot: &Snapshot, chosen: Option<usize>, state: Option<GpuState>) {
        self.full.extend(chosen.and_then(|place| snapshot.gpus.get(place)?.vram_percent.value()));
        for gpu in &snapshot.gpus {
            self.add_gpu(gpu);
        }
        for process in &snapshot.processes {
            let seen = &process.usage;
            let subject = self.subject(&format!("{}-{}", file_word(&seen.process.name), seen.process.pid));
            match &process.vram_bytes {
                Fact::Value(None) => {}
                Fact::Value(Some(bytes)) => self.give(subject, GpuQuantity::Vram, &Fact::Value(*bytes as f64)),
                missing => self.give(subject, GpuQuantity::Vram, &missing.map(|_| 0.0)),
            }
            self.give(subject, GpuQuantity::Ram, &number(&seen.resident_bytes));
            self.give(subject, GpuQuantity::Cpu, &seen.cpu_percent);
            self.give(subject, GpuQuantity::Threads, &number(&seen.threads));
            self.give(subject, GpuQuantity::Handles, &number(&seen.handles));
        }
        let machine = self.subject("machine");
        let used = match (&snapshot.machine.memory_bytes, &snapshot.machine.available_bytes) {
            (Fact::Value(all), Fact::Value(free)) => Fact::Value(all.saturating_sub(*free) as f64),
            (Fact::Value(_), missing) | (missing, _) => number(missing),
        };
        self.give(machine, GpuQuantity::Ram, &used);
        self.give(machine, GpuQuantity::Cpu, &snapshot.machine.cpu_percent);
        if let Some((before_s, state)) = self.last.replace((snapshot.at_s, state)) {
            self.in_state_s[place(state)] += snapshot.at_s - before_s;
        }
    }

    fn add_gpu(&mut self, gpu: &GpuSnapshot) {
        let subject = self.subject(&gpu.label);
        let of = |turn: &dyn Fn(&crate::host::gpu::GpuReading) -> Fact<f64>| match &gpu.reading {
            Fact::Value(reading) => turn(reading),
            missing => missing.map(|_| 0.0),
        };
        let taken = |reading: &crate::host::gpu::GpuReading| reading.vram_taken_bytes().map(|bytes| *bytes as f64);
        let figures = [
            (GpuQuantity::Vram, of(&taken)),
            (GpuQuantity::Use, of(&|reading| whole(&reading.use_percent))),
            (GpuQuantity::MemoryUse, of(&|reading| whole(&reading.memory_use_percent))),
            (GpuQuantity::Temperature, of(&|reading| whole(&reading.temperature_c))),
            (GpuQuantity::Power, of(&|reading| reading.power_w.clone())),
            (GpuQuantity::Clock, of(&|reading| whole(&reading.clock_mhz))),
        ];
        for (quantity, fact) in figures {
            self.give(subject, quantity, &fact);
        }
    }

    fn subject(&mut self, name: &str) -> usize {
        self.subjects.iter().position(|subject| subject == name).unwrap_or_else(|| {
            self.subjects.push(name.into());
            self.subjects.len() - 1
        })
    }

    fn give(&mut self, subject: usize, quantity: GpuQuantity, fact: &Fact<f64>) {
        let values = self.values.entry((subject, quantity)).or_default();
        match fact {
            Fact::Value(value) => values.given.push(*value),
            // The first sample has no reference; the others have.
            Fact::NotMeasured => {}
            missing => {
                values.unsupported |= matches!(missing, Fact::Unsupported);
                *values.missing.entry(missing.missing().unwrap_or_default()).or_default() += 1;
            }
        }
    }

    /// Memory use of the selected GPU in percent: mean, maximum, and number of samples.
    pub(super) fn fullness(&self) -> Option<(f64, f64, u64)> {
        let mean = mean_of(&self.full)?.value;
        Some((mean, self.full.iter().copied().fold(0.0, f64::max), self.full.len() as u64))
    }

    /// Seconds in a state, or in none.
    pub(super) fn seconds(&self, state: Option<GpuState>) -> f64 {
        self.in_state_s[place(state)]
    }

    /// Seconds until the last sample.
    pub(super) fn duration_s(&self) -> f64 {
        self.last.map_or(0.0, |(at_s, _)| at_s)
    }

    /// The cases: each figure of each subject, then the states.
    pub(super) fn cases(&self, chosen: Option<&str>, events: &[WatchEvent]) -> Vec<Case> {
        let duration_s = self.duration_s();
        let mut cases: Vec<Case> = self
            .values
            .iter()
            .filter(|(_, values)| !values.given.is_empty() || !values.missing.is_empty())
            .map(|((subject, quantity), values)| case(&self.subjects[*subject], *quantity, values, duration_s))
            .collect();
        if let Some(label) = chosen {
            cases.push(self.states(label, events, duration_s));
        }
        cases
    }

    fn states(&self, label: &str, events: &[WatchEvent], duration_s: f64) -> Case {
        let of = |kind| events.iter().filter(|event| event.kind == kind).count() as u64;
        let samples = self.values.values().map(|values| values.given.len()).max().unwrap_or(0) as u64;
        let seconds =
            |name: &str, state| Metric::plain(name, "s", self.in_state_s[place(state)], samples, Direction::None);
        let count = |name: &str, number: u64| Metric::plain(name, "count", number as f64, samples, Direction::Lower);
        Case {
            path: format!("{label}/state"),
            state: CaseState::Ok,
            reason: None,
            duration_s,
            conditions: json!({ "subject": label, "events": events }),
            notes: Vec::new(),
            metrics: vec![
                seconds("optimal", Some(GpuState::Optimal)),
                seconds("stressed", Some(GpuState::Stressed)),
                seconds("overloaded", Some(GpuState::Overloaded)),
                seconds("undecided", None),
                count("changes", of(EventKind::State)),
                count("alarms", of(EventKind::Alarm)),
            ],
            histograms: Vec::new(),
        }
    }
}

fn place(state: Option<GpuState>) -> usize {
    state.and_then(|state| GpuState::ALL.iter().position(|other| *other == state)).unwrap_or(3)
}

/// One figure of one subject: mean, minimum and maximum. No interval, since successive samples are not independent.
fn case(subject: &str, quantity: GpuQuantity, values: &FigureValues, duration_s: f64) -> Case {
    let (name, unit) = quantity.name_and_unit();
    let n = values.given.len() as u64;
    let gaps: u64 = values.missing.values().sum();
    let reasons = values
        .missing
        .iter()
        .map(|(why, times)| format!("{why} ({})", counted(*times, "sample")))
        .collect::<Vec<_>>()
        .join("; ");
    let status = if gaps > 0 { MetricStatus::Partial } else { MetricStatus::Ok };
    let metrics = match mean_of(&values.given) {
        Some(mean) => {
            let least = values.given.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.given.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let plain = |name: &str, value| Metric { status, ..Metric::plain(name, unit, value, n, Direction::None) };
            vec![Metric { spread: mean.stddev, ..plain("mean", mean.value) }, plain("min", least), plain("max", most)]
        }
        None => ["mean", "min", "max"]
            .map(|name| {
                let status = if values.unsupported { MetricStatus::Unsupported } else { MetricStatus::Invalid };
                Metric::absent(name, unit, 0, Direction::None, status)
            })
            .to_vec(),
    };
    let (state, reason) = match (n, gaps) {
        (_, 0) => (CaseState::Ok, None),
        // A figure that the device does not have is not a fault of the watch.
        (0, _) if values.unsupported => (CaseState::Ok, None),
        (0, _) => (CaseState::Failed, Some(reasons.clone())),
        _ => (CaseState::Lossy, Some(reasons.clone())),
    };
    Case {
        path: format!("{subject}/{name}"),
        state,
        reason,
        duration_s,
        conditions: json!({ "subject": subject, "quantity": name, "missing": values.missing }),
        notes: Vec::new(),
        metrics,
        histograms: Vec::new(),
    }
}

fn number(fact: &Fact<u64>) -> Fact<f64> {
    fact.map(|value| *value as f64)
}

fn whole(fact: &Fact<u32>) -> Fact<f64> {
    fact.map(|value| f64::from(*value))
}

/// A name as part of a path: special characters become dashes.
fn file_word(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() || letter == '.' { letter } else { '-' }).collect()
}

/// Known samples for tests.
#[cfg(test)]
pub(super) mod planted {
    use jiff::Timestamp;

    use super::super::snapshot::{MachineSnapshot, ProcessSnapshot};
    use super::*;
    use crate::advise::watch::{GpuLoad, StateChange, WatchRules};
    use crate::host::gpu::GpuReading;
    use crate::host::{FoundProcess, ProcessKind, ProcessReading};

    const MIB: u64 = 1 << 20;

    /// A GPU of 1000 MiB with this memory use in percent; `None` means lost.
    pub(in super::super) fn snapshot(at_s: f64, full_percent: Option<u64>) -> Snapshot {
        let reading = match full_percent {
            Some(full) => Fact::Value(GpuReading::of_memory(1_000 * MIB, (100 - full) * 10 * MIB)),
            None => Fact::Failed("the GPU is lost".into()),
        };
        let usage = ProcessReading {
            process: FoundProcess { pid: 7, name: "Workly App".into(), kind: ProcessKind::Workly },
            resident_bytes: Fact::Value(200 * MIB),
            anonymous_bytes: Fact::Value(100 * MIB),
            cpu_percent: if at_s > 0.0 { Fact::Value(30.0) } else { Fact::NotMeasured },
            threads: Fact::Value(4),
            handles: Fact::Unsupported,
        };
        Snapshot {
            time: Timestamp::UNIX_EPOCH,
            at_s,
            gpus: vec![GpuSnapshot {
                label: "gpu0".into(),
                name: "Card".into(),
                vram_percent: full_percent.map_or(Fact::Unsupported, |full| Fact::Value(full as f64)),
                lost: full_percent.is_none(),
                reading,
            }],
            machine: MachineSnapshot {
                memory_bytes: Fact::Value(8_000 * MIB),
                available_bytes: Fact::Value(6_000 * MIB),
                cpu_percent: Fact::Value(25.0),
                load_average: Fact::Value(0.5),
            },
            processes: vec![ProcessSnapshot { usage, vram_bytes: Fact::Value(None) }],
            busiest: Vec::new(),
            model: None,
        }
    }

    /// Stressed from the second sample to the third, and lost at the fourth.
    pub(in super::super) fn loaded_then_lost() -> (WatchSamples, Vec<WatchEvent>) {
        let stressed = Some(GpuState::Stressed);
        let mut samples = WatchSamples::default();
        for (at_s, full, state) in
            [(0.0, Some(50), None), (1.0, Some(70), stressed), (2.0, Some(90), stressed), (3.0, None, None)]
        {
            samples.add(&snapshot(at_s, full), Some(0), state);
        }
        let lost = WatchEvent::at(&snapshot(3.0, None), EventKind::Lost, "gpu0", "is gone".into());
        (samples, vec![lost])
    }

    /// A state change.
    pub(in super::super) fn state_change() -> WatchEvent {
        let on = GpuLoad { full_percent: 95.0, use_percent: None };
        let change = StateChange { from: Some(GpuState::Stressed), to: GpuState::Overloaded, on };
        WatchEvent::state(&snapshot(2.0, Some(95)), "gpu0", &change, &WatchRules::built_in()[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(case: &Case) -> Vec<(Option<f64>, u64, MetricStatus)> {
        case.metrics.iter().map(|metric| (metric.value, metric.n, metric.status)).collect()
    }

    #[test]
    fn quantities_are_cases_and_gaps_make_them_lossy() {
        let (samples, events) = planted::loaded_then_lost();
        let cases = samples.cases(Some("gpu0"), &events);
        let case = |path: &str| cases.iter().find(|case| case.path == path).unwrap_or_else(|| panic!("no {path}"));
        let vram = case("gpu0/vram");
        assert_eq!(
            (vram.state, vram.reason.as_deref()),
            (CaseState::Lossy, Some("failed: the GPU is lost (1 sample)"))
        );
        let mib = |mib: f64| (Some(mib * 1_048_576.0), 3, MetricStatus::Partial);
        assert_eq!(figures(vram), [mib(700.0), mib(500.0), mib(900.0)]);
        // A reading of memory only has no utilisation; a figure the device never had is not a fault.
        let busy = case("gpu0/use");
        assert_eq!(busy.state, CaseState::Ok);
        assert_eq!(figures(busy), [(None, 0, MetricStatus::Unsupported); 3]);
        let cpu = case("Workly-App-7/cpu");
        assert_eq!((cpu.state, figures(cpu)[0]), (CaseState::Ok, (Some(30.0), 3, MetricStatus::Ok)));
        assert_eq!(figures(case("machine/ram"))[0].0, Some(2_000.0 * 1_048_576.0));
        assert!(cases.iter().all(|case| case.path != "Workly-App-7/vram"), "it uses no GPU");
    }

    #[test]
    fn time_in_states_and_events_are_counted() {
        let (samples, mut events) = planted::loaded_then_lost();
        events.push(planted::state_change());
        let cases = samples.cases(Some("gpu0"), &events);
        let states = cases.last().unwrap();
        let value = |name: &str| states.metric(name).unwrap().value;
        assert_eq!((states.path.as_str(), value("stressed"), value("undecided")), ("gpu0/state", Some(2.0), Some(1.0)));
        assert_eq!((value("optimal"), value("changes"), value("alarms")), (Some(0.0), Some(1.0), Some(0.0)));
        assert_eq!(samples.fullness(), Some((70.0, 90.0, 3)));
        assert!(samples.cases(None, &events).iter().all(|case| case.path != "gpu0/state"));
    }
}
