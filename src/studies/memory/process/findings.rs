//! Findings about the samples.

use super::super::gpu_memory::GpuMemoryReader;
use super::super::leak_metrics::sentence;
use super::cases::judge;
use super::sampling::ProcessSamples;
use crate::host::NamedProcess;
use crate::plan::MemoryWatchPlan;

/// The leak verdict, then the source of GPU memory.
pub(super) fn findings(plan: &MemoryWatchPlan, data: &ProcessSamples, gpus: Option<&GpuMemoryReader>) -> Vec<String> {
    let leak = sentence("anonymous memory", &plan.leak, &judge(plan, &data.snapshots));
    [leak].into_iter().chain(gpus.map(GpuMemoryReader::description)).collect()
}

/// Problems with the message count, and whether the process ended.
pub(super) fn warnings(target: &NamedProcess, data: &ProcessSamples) -> Vec<String> {
    let ended = data
        .process_ended
        .then(|| format!("process {} ended: it was last seen {:.1} s into the run", target.pid, data.duration_s()));
    data.count_warnings.iter().cloned().chain(ended).collect()
}
