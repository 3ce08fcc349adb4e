//! The study: calls of the model while the application is in use, as logged by the shim.

use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::super::memory::GpuMemoryReader;
use super::super::study::{CaseHistogram, RunContext, RunManifest, StopReason, Study, planned};
use super::cases::{cases, histograms};
use super::samples::LaunchSamples;
use super::scene::SceneWatch;
use crate::failure::Failure;
use crate::host::ProcessMemory;
use crate::launch::CallLog;
use crate::plan::LaunchPlan;
use crate::plural::counted;
use crate::record::{Case, Run};
use crate::report::with_interval;

/// Polling interval for the end of the program.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Interval at which calls and memory are read.
const SAMPLE_NS: u64 = 1_000_000_000;

/// The calls of the model by the application.
pub(super) struct LaunchStudy<'a> {
    /// The settings and the duration.
    pub(super) plan: &'a LaunchPlan,
}

/// The running program.
pub(super) struct LaunchTarget {
    /// The file of calls, written by the shim.
    pub(super) calls: CallLog,
    /// ID of the started process.
    pub(super) pid: u32,
    /// The avatar's process.
    pub(super) scene: SceneWatch,
    /// Source of the GPU memory figures.
    pub(super) vram: GpuMemoryReader,
}

impl LaunchTarget {
    /// Measures the process with that ID and the named scene.
    pub(super) fn new(calls: CallLog, pid: u32, scene: Option<&str>) -> Self {
        Self { calls, pid, scene: SceneWatch::new(scene), vram: GpuMemoryReader::of_driver() }
    }

    /// Reads new calls. Returns whether there were any.
    fn sample(&mut self, now_ns: u64, into: &mut LaunchSamples) -> bool {
        let fresh = self.calls.read();
        let is_fresh = !fresh.is_empty();
        for call in fresh {
            into.add(call);
        }
        into.unreadable = self.calls.unreadable;
        // A launcher may stand between: the process that calls the model is the one that matters.
        let pid = into.calls.last().map_or(self.pid, |call| call.pid);
        if let Ok(memory) = ProcessMemory::of(pid) {
            into.resident_bytes.extend(memory.resident_bytes.value());
        }
        into.vram.push(self.vram.read(pid));
        into.vram_by.get_or_insert_with(|| self.vram.description());
        self.scene.sample((now_ns, unix_ns()), &mut into.scene);
        is_fresh
    }
}

/// Unix time in nanoseconds, as used by the shim.
fn unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Study for LaunchStudy<'_> {
    type Data = LaunchSamples;
    type Target = LaunchTarget;

    fn manifest(&self, _: &LaunchTarget) -> Result<RunManifest, Failure> {
        Ok(RunManifest {
            command: "launch",
            plan: planned(self.plan)?,
            subject: json!({"measured": "calls of the model by the application"}),
            simulated: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn measured_processes(&self, target: &LaunchTarget) -> Vec<u32> {
        vec![target.pid]
    }

    fn run(
        &self,
        target: &mut LaunchTarget,
        data: &mut LaunchSamples,
        context: &mut RunContext<'_, LaunchSamples>,
    ) -> Result<StopReason, Failure> {
        let planned_ns =
            self.plan.measure.map_or(u64::MAX, |length| u64::try_from(length.as_nanos()).unwrap_or(u64::MAX));
        data.scene.wanted.clone_from(&self.plan.scene);
        // Found before the first interval, so that the last one always has a beginning.
        target.scene.sample((0, unix_ns()), &mut data.scene);
        let mut sampled_ns = 0;
        // The end of the program is how such a measurement may well end.
        while !context.is_stopped() && context.clock.now_ns() < planned_ns {
            thread::sleep(LOOK_UP);
            data.duration_ns = context.clock.now_ns();
            if data.duration_ns - sampled_ns >= SAMPLE_NS {
                sampled_ns = data.duration_ns;
                if target.sample(sampled_ns, data) {
                    context.checkpoint(data)?;
                }
            }
        }
        data.duration_ns = context.clock.now_ns();
        target.sample(data.duration_ns, data);
        Ok(StopReason::Planned)
    }

    fn cases(&self, data: &LaunchSamples, end: Option<StopReason>) -> Vec<Case> {
        cases(data, end)
    }

    fn findings(&self, data: &LaunchSamples, run: &Run, _: StopReason) -> Vec<String> {
        if data.calls.is_empty() {
            return vec!["The application made no call of the model.".into()];
        }
        let minutes = data.duration_ns as f64 / 60e9;
        let mut findings = vec![format!("{} of the model in {minutes:.1} min.", counted(data.calls.len(), "call"))];
        let figure = |case: &str, name: &str| {
            run.cases.iter().find(|one| one.path == case)?.metric(name).filter(|metric| metric.value.is_some()).cloned()
        };
        for (what, case, name) in [("First token", "first_token", "mean"), ("Generation", "generation", "avg_ts")] {
            findings.extend(
                figure(case, name).map(|metric| format!("{what}: mean {} (n {}).", with_interval(&metric), metric.n)),
            );
        }
        let waits = ["main_wait_answering", "main_wait"].map(|name| figure("scene", name));
        if let [Some(answering), Some(all)] = &waits {
            findings.push(format!(
                "The scene's main thread waited for a CPU: {} while the model was called (n {}), {} in all (n {}).",
                with_interval(answering),
                answering.n,
                with_interval(all),
                all.n
            ));
        }
        findings
    }

    fn histograms(&self, data: &LaunchSamples) -> Vec<CaseHistogram> {
        histograms(data)
    }

    fn warnings(&self, data: &LaunchSamples) -> Vec<String> {
        let unreadable = (data.unreadable > 0)
            .then(|| format!("{} of the shim could not be read and are left out", counted(data.unreadable, "line")));
        unreadable.into_iter().collect()
    }
}
