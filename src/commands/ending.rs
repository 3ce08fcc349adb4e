//! How a run of cases ended: for the record, and as the exit code.

use crate::bridge::{MORE_THAN_SENT, NO_REPLY, NOT_READING};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plural::counted;
use crate::record::{Case, CaseState, Run, RunState};
use crate::studies::ended_by;

/// Settles how the run ended: as planned, by a signal, or with cases that did not.
pub(super) fn conclude(run: &mut Run, interrupted: bool) {
    let off = off_plan(run).count();
    (run.state, run.reason) = if interrupted {
        (RunState::Interrupted, Some(ended_by()))
    } else if off == 0 {
        (RunState::Complete, None)
    } else {
        (RunState::Failed, Some(format!("{off} of {} did not end as planned", counted(run.cases.len(), "case"))))
    };
}

/// What helps where messages came that the dialect does not have.
pub(super) const SPEAKS_OTHERWISE: &str =
    "the bridge sent what this dialect does not have: --dialect auto finds out which one it speaks";

/// The exit code; `hint` is for a run that failed. What was measured is saved in any case.
pub(super) fn verdict(run: &Run, hint: &str) -> Result<Exit, Failure> {
    match run.state {
        RunState::Interrupted => Ok(Exit::Interrupted),
        RunState::Complete => Ok(Exit::Done),
        RunState::Failed | RunState::Running => {
            let faults: Vec<String> = off_plan(run)
                .map(|case| format!("  {}: {}", case.path, case.reason.as_deref().unwrap_or("failed")))
                .collect();
            let reason = run.reason.as_deref().unwrap_or("the run failed");
            let kept =
                if faults.len() < run.cases.len() { "the cases that ended well are in the record; " } else { "" };
            let failure = Failure::new(Exit::Failed, anyhow::anyhow!("{reason}\n{}", faults.join("\n")));
            Err(failure.hint(format!("{kept}{hint}")))
        }
    }
}

/// What to try where cases of a bridge did not end as planned. `speaks_otherwise` when messages came that the dialect does not have.
pub(super) fn bridge_hint(run: &Run, speaks_otherwise: bool) -> &'static str {
    let is_surplus = |case: &Case| {
        case.metric("surplus").and_then(|metric| metric.value).is_some_and(|surplus| surplus > 0.0)
            || case.reason.as_ref().is_some_and(|reason| reason.contains(MORE_THAN_SENT))
    };
    let is_late = |reason: &str| [NO_REPLY, NOT_READING].iter().any(|late| reason.contains(late));
    if speaks_otherwise {
        SPEAKS_OTHERWISE
    } else if off_plan(run).all(is_surplus) {
        "the bridge answers a message more than once, or sends messages of its own: workly-perf tap records what it sends"
    } else if off_plan(run).filter_map(|case| case.reason.as_deref()).any(is_late) {
        "raise --timeout if the bridge is merely slow"
    } else {
        "a longer --timeout would not change that; the bridge's own log may say more"
    }
}

fn off_plan(run: &Run) -> impl Iterator<Item = &Case> {
    run.cases.iter().filter(|case| case.state != CaseState::Ok)
}
