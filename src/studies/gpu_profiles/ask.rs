//! The worker process of a placement, from the caller's side.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::worker_client::{self, WorkerAbort};
use crate::measure::{PlacementPhase, PlacementResponse, PlacementTask};

/// Runs one task in a separate process. `watch` is called repeatedly while it runs, with its process ID and phase.
pub(super) fn ask(
    task: &PlacementTask,
    timeout: Duration,
    stop: &AtomicBool,
    mut watch: impl FnMut(u32, PlacementPhase),
) -> Result<PlacementResponse, WorkerAbort> {
    let (mut phase, mut answer) = (PlacementPhase::Load, None);
    let exit = worker_client::ask("gpu-placement", task, timeout, stop, |process, said| {
        match said {
            Some(PlacementResponse::Phase(begun)) => phase = begun,
            Some(last) => answer = Some(last),
            None => {}
        }
        watch(process, phase);
    })?;
    match answer {
        Some(PlacementResponse::Interrupted) => Err(WorkerAbort::Interrupted),
        Some(PlacementResponse::Failed { reason }) => Err(WorkerAbort::Failed(reason)),
        Some(answer) => Ok(answer),
        None => Err(WorkerAbort::Failed(exit.fate(during(phase)))),
    }
}

fn during(phase: PlacementPhase) -> &'static str {
    match phase {
        PlacementPhase::Load => "while loading",
        PlacementPhase::WarmUp => "while warming up",
        PlacementPhase::Prompt => "while processing the prompt",
        PlacementPhase::Generation => "while generating",
        PlacementPhase::Done => "after measuring",
    }
}
