//! Samples at a fixed interval, until the time is over, the process ends or a signal comes.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::super::super::study::{RunContext, StopReason};
use super::super::gpu_memory::GpuMemory;
use super::line_counter::LineCounter;
use super::study::ProcessMemoryStudy;
use crate::failure::Failure;
use crate::host::{self, NamedProcess, ProcessMemory};

/// Seconds between saves of the record.
const SAVE_EVERY_S: f64 = 5.0;
/// Maximum delay in reacting to a signal.
const NAP: Duration = Duration::from_millis(50);

/// The process at one time.
#[derive(Debug)]
pub(super) struct MemorySnapshot {
    /// Time in seconds since the start.
    pub(super) at_s: f64,
    /// Messages so far, if they are counted.
    pub(super) messages: u64,
    /// Its memory.
    pub(super) memory: ProcessMemory,
    /// GPU memory, if requested.
    pub(super) gpu: Option<GpuMemory>,
}

/// All samples.
#[derive(Debug, Default)]
pub(crate) struct ProcessSamples {
    /// The samples, oldest first.
    pub(super) snapshots: Vec<MemorySnapshot>,
    /// Whether the process ended.
    pub(super) process_ended: bool,
    /// Warnings about the message count.
    pub(super) count_warnings: Vec<String>,
}

impl ProcessSamples {
    /// Time of the last sample, in seconds since the start.
    pub(super) fn duration_s(&self) -> f64 {
        self.snapshots.last().map_or(0.0, |snapshot| snapshot.at_s)
    }
}

/// Samples until a stop condition is met.
pub(super) fn sample(
    study: &ProcessMemoryStudy,
    mut counter: Option<&mut LineCounter>,
    data: &mut ProcessSamples,
    context: &mut RunContext<'_, ProcessSamples>,
) -> Result<StopReason, Failure> {
    let (plan, target) = (&study.plan, &study.target);
    let planned = plan.length_s.map_or(0.0, |length_s| length_s / plan.every_s);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A count bounded by an hour per millisecond.
    let phase = context.observer.phase(&format!("sampling {} ({})", target.name, target.pid), planned as u64);
    let now_s = |context: &RunContext<'_, ProcessSamples>| context.clock.now_ns() as f64 / 1e9;
    let mut saved_s = 0.0;
    loop {
        let at_s = now_s(context);
        let messages = counter.as_mut().map_or(Ok(0), |counter| counter.count(context.stop))?;
        match ProcessMemory::of(target.pid) {
            Ok(memory) if is_still(target) => {
                let gpu = study.gpus.as_ref().map(|gpus| gpus.read(target.pid));
                data.snapshots.push(MemorySnapshot { at_s, messages, memory, gpu });
            }
            _ => {
                // The last sample may have caught the process while it freed its memory.
                data.snapshots.pop();
                data.process_ended = true;
                return Ok(StopReason::Planned);
            }
        }
        phase.counter().fetch_add(1, Ordering::Relaxed);
        if at_s - saved_s >= SAVE_EVERY_S {
            context.checkpoint(data)?;
            saved_s = at_s;
        }
        let next_s = data.snapshots.len() as f64 * plan.every_s;
        if plan.length_s.is_some_and(|length_s| next_s > length_s) {
            return Ok(StopReason::Planned);
        }
        loop {
            if context.is_stopped() {
                return Ok(StopReason::Interrupted);
            }
            let left_s = next_s - now_s(context);
            if left_s <= 0.0 {
                break;
            }
            thread::sleep(NAP.min(Duration::from_secs_f64(left_s)));
        }
    }
}

/// Whether the process ID still belongs to that process: the system reuses them.
fn is_still(target: &NamedProcess) -> bool {
    host::process_numbered(target.pid).is_ok_and(|now| now.is_some_and(|now| now.started_s == target.started_s))
}
