//! The avatar's process: its use of resources, and how long its main thread waits for a CPU. Frames are late while it waits; only
//! the scene itself knows how many.

use crate::host::{FoundProcess, ProcessKind, ProcessLoad, ProcessMemory, ProcessQuery, ProcessTable};
use crate::launch::MeasuredCall;
use crate::measure::average;
use crate::plural::counted;
use crate::record::{Direction, Fact, Metric, MetricStatus};

/// Search interval while the process is not running: each search reads the list of all processes.
const SEARCH_NS: u64 = 5_000_000_000;

/// One interval of the scene.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SceneSample {
    /// End of the interval in nanoseconds of Unix time, and its length.
    pub(super) ended_unix_ns: u64,
    pub(super) duration_ns: u64,
    /// CPU time of all threads.
    pub(super) cpu_ms: u64,
    /// Time the main thread waited for a CPU.
    pub(super) main_wait_ns: Fact<u64>,
    /// Its resident memory at the end.
    pub(super) resident_bytes: Fact<u64>,
}

/// The scene over time.
#[derive(Debug, Default)]
pub(super) struct SceneSamples {
    pub(super) samples: Vec<SceneSample>,
    /// Roles of the processes found, in order.
    pub(super) kinds: Vec<ProcessKind>,
    /// The requested process, if one was named.
    pub(super) wanted: Option<String>,
}

/// Finds the scene and reads it.
#[derive(Debug)]
pub(super) struct SceneWatch {
    wanted: Option<ProcessQuery>,
    found: Option<(FoundProcess, ProcessLoad, u64)>,
    searched_ns: Option<u64>,
}

impl SceneWatch {
    /// Looks for the named process, otherwise for a Unity player, otherwise for the Unity editor.
    pub(super) fn new(wanted: Option<&str>) -> Self {
        let wanted = wanted.and_then(|text| text.parse().ok());
        Self { wanted, found: None, searched_ns: None }
    }

    /// Reads its use since the previous call. `now_ns` is the time on the run's clock, `unix_ns` Unix time.
    pub(super) fn sample(&mut self, (now_ns, unix_ns): (u64, u64), into: &mut SceneSamples) {
        let Some((process, before, then_ns)) = self.found.take() else {
            self.search(now_ns, into);
            return;
        };
        let load = ProcessLoad::of(process.pid).ok().filter(|load| load.started_s == before.started_s);
        // Another process may have its number by now; it is looked for anew.
        let Some(load) = load else { return };
        let waited = match (&before.main_wait_ns, &load.main_wait_ns) {
            (Fact::Value(before), Fact::Value(after)) => Fact::Value(after.saturating_sub(*before)),
            (Fact::Value(_), missing) | (missing, _) => missing.clone(),
        };
        into.samples.push(SceneSample {
            ended_unix_ns: unix_ns,
            duration_ns: now_ns.saturating_sub(then_ns),
            cpu_ms: load.cpu_ms.saturating_sub(before.cpu_ms),
            main_wait_ns: waited,
            resident_bytes: ProcessMemory::of(process.pid).map_or(Fact::NotMeasured, |memory| memory.resident_bytes),
        });
        self.found = Some((process, load, now_ns));
    }

    fn search(&mut self, now_ns: u64, into: &mut SceneSamples) {
        if self.searched_ns.is_some_and(|last| now_ns.saturating_sub(last) < SEARCH_NS) {
            return;
        }
        self.searched_ns = Some(now_ns);
        let mut processes = ProcessTable::new();
        processes.refresh();
        let found = match &self.wanted {
            Some(query) => processes.find(query).ok(),
            None => processes.of_workly().into_iter().find(|process| process.kind != ProcessKind::Workly),
        };
        self.found = found.and_then(|process| {
            let load = ProcessLoad::of(process.pid).ok()?;
            into.kinds.push(process.kind);
            Some((process, load, now_ns))
        });
    }
}

impl SceneSample {
    /// Whether a call of the model overlaps it.
    fn is_beside(&self, calls: &[MeasuredCall]) -> bool {
        let began = self.ended_unix_ns.saturating_sub(self.duration_ns);
        calls.iter().any(|call| {
            call.started_unix_ns
                .is_some_and(|started| started < self.ended_unix_ns && started.saturating_add(call.total_ns) > began)
        })
    }

    fn cpu_percent(&self) -> Option<f64> {
        (self.duration_ns > 0).then(|| 1e8 * self.cpu_ms as f64 / self.duration_ns as f64)
    }

    /// Waiting time in milliseconds per second.
    fn main_wait(&self) -> Option<f64> {
        let waited = *self.main_wait_ns.value()?;
        (self.duration_ns > 0).then(|| 1e3 * waited as f64 / self.duration_ns as f64)
    }
}

/// The figures of the scene.
pub(super) fn metrics(scene: &SceneSamples, calls: &[MeasuredCall]) -> Vec<Metric> {
    let samples = &scene.samples;
    let waits: Vec<f64> = samples.iter().filter_map(SceneSample::main_wait).collect();
    let beside = samples.iter().filter(|sample| sample.is_beside(calls));
    let beside: Vec<f64> = beside.filter_map(SceneSample::main_wait).collect();
    let cpu: Vec<f64> = samples.iter().filter_map(SceneSample::cpu_percent).collect();
    let resident = samples.iter().filter_map(|sample| sample.resident_bytes.value()).copied();
    let resident: Vec<u64> = resident.collect();
    let lacking = if samples.is_empty() { MetricStatus::NotMeasured } else { MetricStatus::Unsupported };
    let mean = |name: &str, unit: &str, values: &[f64], direction, lacking| match values {
        [] => Metric::absent(name, unit, 0, direction, lacking),
        values => average(name, unit, values, direction),
    };
    let largest = |name: &str, unit: &str, value: Option<f64>, n: usize| match value {
        Some(value) => Metric::plain(name, unit, value, n as u64, Direction::Lower),
        None => Metric::absent(name, unit, 0, Direction::Lower, lacking),
    };
    // Without a call there is no time beside one, whatever the system can count.
    let no_call = if waits.is_empty() { lacking } else { MetricStatus::NotMeasured };
    vec![
        mean("main_wait_answering", "ms/s", &beside, Direction::Lower, no_call),
        mean("main_wait", "ms/s", &waits, Direction::Lower, lacking),
        largest("main_wait_max", "ms/s", waits.iter().copied().reduce(f64::max), waits.len()),
        mean("cpu", "%", &cpu, Direction::None, lacking),
        largest("resident_max", "bytes", resident.iter().max().map(|most| *most as f64), resident.len()),
    ]
}

/// Remarks on these figures.
pub(super) fn notes(scene: &SceneSamples) -> Vec<String> {
    let looked_for =
        scene.wanted.as_ref().map_or("Unity player or editor".to_owned(), |name| format!("process {name}"));
    if scene.samples.is_empty() {
        return vec![format!("No {looked_for} was found beside the application; --scene names another process.")];
    }
    let mut notes = vec![
        "main_wait: how long the scene's main thread was ready to run and had no CPU, in each second; main_wait_answering: in those \
         in which the model was called. cpu: of one CPU."
            .to_owned(),
    ];
    if scene.kinds.len() > 1 {
        notes
            .push(format!("The scene was started anew: the figures are of {}.", counted(scene.kinds.len(), "process")));
    }
    if scene.samples.iter().all(|sample| sample.main_wait_ns == Fact::Unsupported) {
        notes.push("This system does not count how long a thread waits for a CPU.".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::super::cases::planted;
    use super::*;

    /// A sample of one second with that end and waiting time.
    fn second(ended_s: u64, waited_ms: u64) -> SceneSample {
        SceneSample {
            ended_unix_ns: ended_s * 1_000_000_000,
            duration_ns: 1_000_000_000,
            cpu_ms: 480,
            main_wait_ns: Fact::Value(waited_ms * 1_000_000),
            resident_bytes: Fact::Value(5 << 20),
        }
    }

    #[test]
    fn waits_during_calls_are_counted_separately() {
        let mut calls = planted::samples(1).calls;
        calls[0].started_unix_ns = Some(10_500_000_000);
        calls[0].total_ns = 1_000_000_000;
        let samples = vec![second(10, 1), second(11, 100), second(12, 200), second(13, 3)];
        let scene = SceneSamples { samples, kinds: vec![ProcessKind::UnityPlayer], wanted: None };
        let found = metrics(&scene, &calls);
        let value = |name: &str| found.iter().find(|metric| metric.name == name).unwrap().value;
        assert_eq!((value("main_wait_answering"), value("main_wait")), (Some(150.0), Some(76.0)));
        assert_eq!((value("main_wait_max"), value("cpu")), (Some(200.0), Some(48.0)));
        assert_eq!((value("resident_max"), notes(&scene).len()), (Some(5_242_880.0), 1));
        let alone = metrics(&scene, &[]);
        assert_eq!((alone[0].value, alone[0].status), (None, MetricStatus::NotMeasured));
    }

    #[test]
    fn missing_figures_have_a_reason() {
        let none = SceneSamples { wanted: Some("Avatar".into()), ..SceneSamples::default() };
        assert!(metrics(&none, &[]).iter().all(|metric| metric.status == MetricStatus::NotMeasured));
        assert!(notes(&none)[0].contains("No process Avatar was found"), "{:?}", notes(&none));
        let uncounted = SceneSample { main_wait_ns: Fact::Unsupported, ..second(1, 0) };
        let scene = SceneSamples { samples: vec![uncounted], ..SceneSamples::default() };
        let found = metrics(&scene, &planted::samples(1).calls);
        assert!(found[..3].iter().all(|metric| metric.status == MetricStatus::Unsupported), "{found:?}");
        assert!(found[3].value.is_some() && notes(&scene)[1].contains("does not count"), "{found:?}");
    }

    #[test]
    fn named_process_is_read_until_it_ends() {
        let mut child = std::process::Command::new(if cfg!(windows) { "cmd" } else { "cat" })
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let (mut watch, mut found) = (SceneWatch::new(Some(&child.id().to_string())), SceneSamples::default());
        for second in 0..3 {
            watch.sample((second * 1_000_000_000, 1), &mut found);
        }
        assert_eq!((found.samples.len(), found.kinds.as_slice()), (2, [ProcessKind::Named].as_slice()));
        assert!(found.samples[0].resident_bytes.value() > Some(&0), "{found:?}");
        drop(child.stdin.take());
        child.wait().unwrap();
        watch.sample((3_000_000_000, 1), &mut found);
        watch.sample((9_000_000_000, 1), &mut found);
        assert_eq!(found.samples.len(), 2, "nothing is read of a process that has ended");
    }
}
