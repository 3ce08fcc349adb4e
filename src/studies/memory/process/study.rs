//! The study.

use std::path::Path;

use serde_json::json;

use super::super::super::study::{RunContext, RunManifest, RunVerdict, StopReason, Study, planned};
use super::super::gpu_memory::GpuMemoryReader;
use super::super::leak_metrics::verdict;
use super::cases::{case, judge};
use super::findings::{findings, warnings};
use super::line_counter::LineCounter;
use super::sampling::{ProcessSamples, sample};
use crate::failure::Failure;
use crate::host::NamedProcess;
use crate::plan::MemoryWatchPlan;
use crate::record::{Case, Run, RunState};

/// Memory of another process, sampled while it is used.
pub(crate) struct ProcessMemoryStudy {
    /// Length, interval, and parameters of the leak verdict.
    pub(super) plan: MemoryWatchPlan,
    /// The process.
    pub(super) target: NamedProcess,
    /// Source of GPU memory, if requested.
    pub(super) gpus: Option<GpuMemoryReader>,
}

impl ProcessMemoryStudy {
    /// Opens the study, and the message counter if there is a log file with a line per message.
    pub(crate) fn open(
        plan: MemoryWatchPlan,
        target: NamedProcess,
        reads_gpu_memory: bool,
        counted_file: Option<&Path>,
    ) -> Result<(Self, Option<LineCounter>), Failure> {
        let counter = counted_file.map(LineCounter::open).transpose()?;
        Ok((Self { plan, target, gpus: reads_gpu_memory.then(gpu_memory_reader) }, counter))
    }
}

/// Prefers the drivers of the GPUs' vendors, since ggml itself takes GPU memory once started.
fn gpu_memory_reader() -> GpuMemoryReader {
    let driver = GpuMemoryReader::of_driver();
    #[cfg(feature = "llama")]
    if let (GpuMemoryReader::Unavailable(_), Ok(backend)) = (&driver, crate::llm::engine::Backend::start()) {
        return driver.or_ggml(backend);
    }
    driver
}

impl Study for ProcessMemoryStudy {
    type Data = ProcessSamples;
    type Target = Option<LineCounter>;

    fn manifest(&self, _: &Self::Target) -> Result<RunManifest, Failure> {
        Ok(RunManifest {
            command: "memory",
            plan: planned(&self.plan)?,
            subject: json!({ "process": self.target.name, "pid": self.target.pid }),
            simulated: Vec::new(),
            warnings: Vec::new(),
        })
    }

    fn measured_processes(&self, _: &Self::Target) -> Vec<u32> {
        vec![self.target.pid]
    }

    fn run(
        &self,
        counter: &mut Self::Target,
        data: &mut ProcessSamples,
        context: &mut RunContext<'_, ProcessSamples>,
    ) -> Result<StopReason, Failure> {
        let end = sample(self, counter.as_mut(), data, context);
        data.count_warnings = counter.as_ref().map(LineCounter::warnings).unwrap_or_default();
        end
    }

    fn cases(&self, data: &ProcessSamples, end: Option<StopReason>) -> Vec<Case> {
        vec![case(&self.plan, &self.target, data, end)]
    }

    fn findings(&self, data: &ProcessSamples, _: &Run, _: StopReason) -> Vec<String> {
        findings(&self.plan, data, self.gpus.as_ref())
    }

    fn warnings(&self, data: &ProcessSamples) -> Vec<String> {
        warnings(&self.target, data)
    }

    /// Without a planned length, the run lasts until Ctrl-C or the end of the process; both count as complete.
    fn state(&self, data: &ProcessSamples, _: &[Case], end: StopReason) -> (RunState, Option<String>) {
        match self.plan.length_s {
            Some(_) if end == StopReason::Interrupted => (RunState::Interrupted, Some(super::super::super::ended_by())),
            Some(length_s) if data.process_ended => {
                let seen_s = data.duration_s();
                let pid = self.target.pid;
                (
                    RunState::Failed,
                    Some(format!("process {pid} ended: it was last seen at {seen_s:.1} s of {length_s:.1} s")),
                )
            }
            _ => (RunState::Complete, None),
        }
    }

    fn verdict(&self, data: &ProcessSamples, _: &Run) -> RunVerdict {
        verdict(&judge(&self.plan, &data.snapshots))
    }

    fn advice(&self, _: &ProcessSamples, _: &Run) -> String {
        "without --for, a run lasts until the process ends".into()
    }
}
