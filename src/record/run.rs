//! One run: everything a reader needs to judge its figures, as stored in `run.json`.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::case::{Case, CaseState};
use super::fact::Fact;
use super::gpu::GpuSurvey;
use super::machine_noise::MachineNoise;
use super::schema::SchemaVersion;

/// How the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Still running, or killed before it could record its end.
    Running,
    /// All cases were measured.
    Complete,
    /// Ended by a signal, or because its terminal was closed.
    Interrupted,
    /// Ended by an error; completed cases are valid.
    Failed,
}

/// How this binary was built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// Version of workly-perf.
    pub version: String,
    /// Source revision, with `-dirty` appended if files differed from it.
    pub commit: Fact<String>,
    /// Target triple.
    pub target: String,
    /// `release` or `debug`.
    pub profile: String,
    /// Compiler.
    pub rustc: String,
    /// Cargo features that were enabled.
    pub features: Vec<String>,
}

/// The machine of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Hash of the facts that make figures comparable: CPU model, cores, memory, operating system family and
    /// architecture; GPUs if there are any.
    pub fingerprint: String,
    /// CPU model as reported by the processor.
    pub cpu: Fact<String>,
    /// Physical cores.
    pub physical_cores: Fact<u64>,
    /// Logical CPUs that are online, before affinity and quotas.
    pub logical_cpus: Fact<u64>,
    /// CPUs that affinity and quotas leave to this process.
    pub usable_cpus: Fact<u64>,
    /// Memory, in bytes.
    pub memory_bytes: Fact<u64>,
    /// Operating system with its version.
    pub os: Fact<String>,
    /// Kernel version.
    pub kernel: Fact<String>,
    /// Architecture: `x86_64`, `aarch64`.
    pub arch: String,
    /// Frequency governor or power plan.
    pub power: Fact<String>,
    /// Whether turbo (boost) frequencies are allowed.
    pub turbo: Fact<bool>,
    /// Whether it is a virtual machine.
    pub virtualised: Fact<bool>,
    /// One-minute load average at the start of the run.
    pub load_average: Fact<f64>,
    /// The GPUs on one line: names, memory, driver. `Unsupported` if there is no driver that reports them.
    pub gpu: Fact<String>,
    /// The same in detail; not in older records.
    #[serde(default)]
    pub gpus: GpuSurvey,
}

/// What in this run was not the user's own bridge or model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Simulation {
    /// The simulated part: `embedded bridge`, `synthetic weights`.
    pub what: String,
    /// Its parameters.
    pub parameters: String,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Version of the format.
    pub schema: SchemaVersion,
    /// Unique among the runs of a folder: start time and command.
    pub run_id: String,
    /// The command: `ipc`.
    pub command: String,
    /// How it ended.
    pub state: RunState,
    /// Why it did not end `complete`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended; `None` while it runs.
    pub finished: Option<Timestamp>,
    /// What was simulated; empty if nothing was.
    pub simulated: Vec<Simulation>,
    /// The subject: address, dialect, how it was found.
    pub subject: serde_json::Value,
    /// The plan, with all defaults resolved.
    pub plan: serde_json::Value,
    /// The build of the binary.
    pub build: Build,
    /// The machine.
    pub machine: Machine,
    /// Machine noise during the run; not in older records, nor in those of commands that watch other programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_noise: Option<MachineNoise>,
    /// What the figures mean, in one or two sentences with n and interval: what a reader wants first.
    #[serde(default)]
    pub findings: Vec<String>,
    /// Warnings that the reader needs to interpret the figures of this run.
    pub warnings: Vec<String>,
    /// The cases, in reading order.
    pub cases: Vec<Case>,
}

impl Run {
    /// The simulated parts in one line, without their parameters; empty if there are none.
    #[must_use]
    pub fn simulated_parts(&self) -> String {
        self.simulated.iter().map(|part| part.what.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Whether every case ended as planned.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.state == RunState::Complete && self.cases.iter().all(|case| case.state == CaseState::Ok)
    }

    /// Inconsistencies of this run: figures without a value or that are not numbers; duplicate cases, metrics or files.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut paths = HashSet::new();
        let mut files = HashSet::new();
        for case in &self.cases {
            let fault = |what: String| format!("case {}: {what}", case.path);
            if !paths.insert(case.path.as_str()) {
                return Err(fault("occurs twice".into()));
            }
            if !case.duration_s.is_finite() {
                return Err(fault("its duration is not a finite number".into()));
            }
            let mut names = HashSet::new();
            for metric in &case.metrics {
                metric.check().map_err(fault)?;
                if !names.insert(metric.name.as_str()) {
                    return Err(fault(format!("metric {} occurs twice", metric.name)));
                }
            }
            for file in case.histograms.iter().flat_map(|files| [&files.hlog, &files.hgrm]) {
                // Two names that only differ in letter case are one file on Windows and macOS.
                if !files.insert(file.to_lowercase()) {
                    return Err(fault(format!("its histogram file {file} belongs to another case")));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::run;
    use super::*;

    #[test]
    fn inconsistent_run_is_detected() {
        assert_eq!(run().check(), Ok(()));
        let says = |change: fn(&mut Run)| {
            let mut run = run();
            change(&mut run);
            run.check().unwrap_err()
        };
        assert_eq!(
            says(|run| run.cases[1].path = "applied/closed/100B".into()),
            "case applied/closed/100B: occurs twice"
        );
        assert_eq!(
            says(|run| run.cases[0].metrics[1].name = "p50".into()),
            "case applied/closed/100B: metric p50 occurs twice"
        );
        assert_eq!(
            says(|run| run.cases[0].metrics[0].value = None),
            "case applied/closed/100B: metric p50: status ok without a value"
        );
        assert_eq!(
            says(|run| run.cases[0].duration_s = f64::INFINITY),
            "case applied/closed/100B: its duration is not a finite number"
        );
        assert_eq!(
            says(|run| {
                let mut files = run.cases[0].histograms[0].clone();
                files.hlog = files.hlog.to_uppercase();
                run.cases[1].histograms = vec![files];
            }),
            "case applied/poisson/100B: its histogram file APPLIED-CLOSED-100B.HLOG belongs to another case"
        );
    }

    #[test]
    fn run_is_clean_if_everything_ended_as_planned() {
        let mut run = run();
        assert!(!run.is_clean(), "the sample has a lossy and a failed case");
        run.cases.retain(|case| case.state == CaseState::Ok);
        assert!(run.is_clean());
        run.state = RunState::Interrupted;
        assert!(!run.is_clean());
    }
}
