//! Two readings, and the difference between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::machine::load_average;
use super::super::quota;
use super::cpu_time::{self, CpuTicks};
use super::limits::{self, QuotaPeriods};
use super::process_list::ProcessTimes;
use crate::record::{Fact, MachineNoise, NoiseFigures};

/// The counters at the start of a run. Nothing is read between then and the end.
#[derive(Debug)]
pub struct NoiseMonitor {
    root: PathBuf,
    began: NoiseReading,
    /// Other processes that are being measured, and their ticks when they were registered.
    measured: BTreeMap<u32, Option<u64>>,
    load_average: Fact<f64>,
}

/// One reading.
#[derive(Debug)]
struct NoiseReading {
    cpu: CpuTime,
    periods: Vec<QuotaPeriods>,
    heat_throttles: Fact<u64>,
    frequency_mhz: Fact<f64>,
}

/// CPU time, by source.
#[derive(Debug)]
enum CpuTime {
    /// The kernel's counters of the CPUs and of this process.
    Ticks(CpuTicks, u64),
    /// The list of processes.
    Processes(ProcessTimes),
    /// None; with the reason.
    Unknown(String),
}

/// CPU time between two readings, in CPUs.
struct CpuShares {
    own: Fact<f64>,
    others: Fact<f64>,
    stolen: Fact<f64>,
}

impl NoiseMonitor {
    /// Reads the counters: takes about a millisecond, longer if only the process list is available.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(Path::new("/"))
    }

    /// The same with `/proc` and `/sys` below `root`.
    fn start_at(root: &Path) -> Self {
        let load_average = load_average(root);
        Self { root: root.into(), began: NoiseReading::now(root), measured: BTreeMap::new(), load_average }
    }

    /// Counts another process as part of the measurement from now on: the bridge, or the process being watched.
    pub fn count_as_own(&mut self, pid: u32) {
        let ticks = cpu_time::of_process(&self.root, pid).ok().flatten();
        self.measured.entry(pid).or_insert(ticks);
    }

    /// The noise from the start until now, `watched_s` seconds later.
    #[must_use]
    pub fn noise(&self, watched_s: f64) -> MachineNoise {
        let ended = NoiseReading::now(&self.root);
        let CpuShares { own, others, stolen } = self.shares(&ended, watched_s);
        let heat = match (&self.began.heat_throttles, &ended.heat_throttles) {
            (Fact::Value(before), Fact::Value(after)) => Fact::Value(after.saturating_sub(*before)),
            (_, missing) => missing.clone(),
        };
        MachineNoise::judge(NoiseFigures {
            watched_s,
            cpus: self.cpus(&ended),
            own_cpus: own,
            others_cpus: others,
            stolen_cpus: stolen,
            throttled_share: limits::throttled_share(&self.began.periods, &ended.periods),
            quota_cpus: match quota::quota_cpus(&self.root) {
                _ if !cfg!(target_os = "linux") => Fact::Unsupported,
                Ok(quota) => Fact::Value(quota),
                Err(reason) => Fact::Failed(reason),
            },
            heat_throttles: heat,
            frequency_start_mhz: self.began.frequency_mhz.clone(),
            frequency_end_mhz: ended.frequency_mhz,
            load_average_start: self.load_average.clone(),
            load_average_end: load_average(&self.root),
        })
    }

    fn cpus(&self, ended: &NoiseReading) -> Fact<u64> {
        match &ended.cpu {
            CpuTime::Ticks(ticks, _) => Fact::Value(ticks.cpus),
            _ => super::super::topology::read(&self.root).usable_cpus(),
        }
    }

    fn shares(&self, ended: &NoiseReading, watched_s: f64) -> CpuShares {
        let missing = |fact: Fact<f64>| CpuShares { own: fact.clone(), others: fact.clone(), stolen: fact };
        match (&self.began.cpu, &ended.cpu) {
            (CpuTime::Ticks(before, own_before), CpuTime::Ticks(after, own_after)) => {
                let total = after.total.saturating_sub(before.total);
                if total == 0 {
                    return missing(Fact::Failed("the kernel's CPU counters do not advance".into()));
                }
                let cpus = |ticks: u64| ticks as f64 * after.cpus as f64 / total as f64;
                let busy = after.busy.saturating_sub(before.busy);
                let own = own_after.saturating_sub(*own_before);
                let measured = self.measured_ticks();
                let fact = |ticks: &Result<u64, String>, of: &dyn Fn(u64) -> f64| match ticks {
                    Ok(ticks) => Fact::Value(of(*ticks)),
                    Err(reason) => Fact::Failed(reason.clone()),
                };
                CpuShares {
                    own: fact(&measured, &|ticks| cpus(own + ticks)),
                    others: fact(&measured, &|ticks| cpus(busy.saturating_sub(own + ticks))),
                    stolen: Fact::Value(cpus(after.stolen.saturating_sub(before.stolen))),
                }
            }
            (CpuTime::Processes(before), CpuTime::Processes(after)) if watched_s > 0.0 => {
                let own: BTreeSet<u32> = self.measured.keys().copied().chain([std::process::id()]).collect();
                let others_ms = after.others_ms_since(before, &own);
                CpuShares { others: Fact::Value(others_ms as f64 / 1e3 / watched_s), ..missing(Fact::Unsupported) }
            }
            (CpuTime::Unknown(why), _) | (_, CpuTime::Unknown(why)) => missing(Fact::Failed(why.clone())),
            _ => missing(Fact::Unsupported),
        }
    }

    /// CPU time of the other measured processes. The error says which of them has no figure.
    fn measured_ticks(&self) -> Result<u64, String> {
        let ticks = self.measured.iter().map(|(pid, before)| {
            let after = cpu_time::of_process(&self.root, *pid).ok().flatten();
            after
                .zip(*before)
                .map(|(after, before)| after.saturating_sub(before))
                .ok_or_else(|| format!("process {pid}, which was measured, has ended, so its CPU time is not known"))
        });
        ticks.sum()
    }
}

impl NoiseReading {
    fn now(root: &Path) -> Self {
        Self {
            cpu: CpuTime::now(root),
            periods: limits::periods(root).unwrap_or_default(),
            heat_throttles: limits::heat_throttles(root),
            frequency_mhz: limits::frequency_mhz(root),
        }
    }
}

impl CpuTime {
    fn now(root: &Path) -> Self {
        match (cpu_time::of_cpus(root), cpu_time::of_this_process(root)) {
            (Ok(Some(cpus)), Ok(Some(own))) => Self::Ticks(cpus, own),
            _ => ProcessTimes::read().map_or_else(Self::Unknown, Self::Processes),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::super::reading::root_with;
    use super::*;
    use crate::record::NoiseVerdict;

    fn write(root: &Path, path: &str, text: &str) {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), text).unwrap();
    }

    /// The counters of two CPUs with these busy and stolen ticks, and of this process and process 9.
    fn counters(root: &Path, (busy, stolen, all): (u64, u64, u64), own: u64, measured: u64) {
        let each = |ticks: u64| format!("{} 0 0 {} 0 0 0 {} 0 0", ticks / 2, (all - busy - stolen) / 2, stolen / 2);
        write(root, "proc/stat", &format!("cpu0 {}\ncpu1 {}\n", each(busy), each(busy)));
        let stat = |used: u64| format!("1 (x) S 1 1 1 0 -1 0 0 0 0 0 {used} 0 0 0 20 0 1 0 9 9 9");
        write(root, "proc/self/stat", &stat(own));
        write(root, "proc/9/stat", &stat(measured));
    }

    #[test]
    fn busy_time_of_others_is_attributed_to_others() {
        let root = root_with(&[]);
        counters(root.path(), (1_000, 0, 10_000), 100, 50);
        let mut monitor = NoiseMonitor::start_at(root.path());
        monitor.count_as_own(9);
        // Ten seconds later: 2,000 ticks of two CPUs, of which this process used 500, the measured process 300 and
        // others 200.
        counters(root.path(), (2_000, 100, 12_000), 600, 350);
        let noise = monitor.noise(10.0);
        let figures = &noise.figures;
        assert_eq!((&figures.own_cpus, &figures.others_cpus), (&Fact::Value(0.8), &Fact::Value(0.2)));
        assert_eq!((&figures.stolen_cpus, &figures.cpus), (&Fact::Value(0.1), &Fact::Value(2)));
        assert_eq!((noise.verdict, noise.reasons.len()), (NoiseVerdict::Disturbed, 1), "steal: {noise:?}");
    }

    #[test]
    fn ended_measured_process_leaves_noise_unknown() {
        let root = root_with(&[]);
        counters(root.path(), (0, 0, 1_000), 0, 0);
        let mut monitor = NoiseMonitor::start_at(root.path());
        monitor.count_as_own(9);
        counters(root.path(), (1_000, 0, 3_000), 0, 0);
        std::fs::remove_dir_all(root.path().join("proc/9")).unwrap();
        let noise = monitor.noise(10.0);
        assert!(noise.reasons[0].contains("process 9, which was measured, has ended"), "{noise:?}");
    }

    #[test]
    fn stuck_counters_leave_noise_unknown() {
        let root = root_with(&[]);
        counters(root.path(), (1_000, 0, 10_000), 100, 50);
        let noise = NoiseMonitor::start_at(root.path()).noise(10.0);
        assert!(matches!(&noise.figures.others_cpus, Fact::Failed(why) if why.contains("do not advance")), "{noise:?}");
    }

    #[test]
    fn other_load_counts_and_own_work_does_not() {
        let spin = || std::process::Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let begin = std::time::Instant::now();
        let monitor = NoiseMonitor::start();
        let mut other = spin();
        while begin.elapsed() < std::time::Duration::from_millis(800) {
            std::hint::spin_loop();
        }
        let watched_s = begin.elapsed().as_secs_f64();
        // While it runs, it counts as another program; after waiting, as our child.
        let seen = monitor.noise(watched_s).figures;
        other.kill().unwrap();
        other.wait().unwrap();
        let own = monitor.noise(watched_s).figures;
        let value = |fact: &Fact<f64>| fact.value().copied().unwrap();
        assert!(value(&seen.others_cpus) > 0.05, "{seen:?}");
        assert!(value(&own.own_cpus) > value(&seen.own_cpus) + 0.05, "{seen:?} {own:?}");
    }
}
