//! A placement's process, seen from the sweep.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::measure::{PlacementAnswer, PlacementPhase, PlacementTask};
use crate::studies::worker_client::{self, CalledOff as Ended};

/// Has one thing done in a process of its own. `watch` is called again and again while it runs, with its number and what
/// it is at.
pub(super) fn ask(
    task: &PlacementTask,
    timeout: Duration,
    stop: &AtomicBool,
    mut watch: impl FnMut(u32, PlacementPhase),
) -> Result<PlacementAnswer, Ended> {
    let (mut phase, mut answer) = (PlacementPhase::Load, None);
    let gone = worker_client::ask("gpu-placement", task, timeout, stop, |process, said| {
        match said {
            Some(PlacementAnswer::Phase(begun)) => phase = begun,
            Some(last) => answer = Some(last),
            None => {}
        }
        watch(process, phase);
    })?;
    match answer {
        Some(PlacementAnswer::Interrupted) => Err(Ended::Interrupted),
        Some(PlacementAnswer::Failed { reason }) => Err(Ended::Failed(reason)),
        Some(answer) => Ok(answer),
        None => Err(Ended::Failed(gone.fate(during(phase)))),
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
