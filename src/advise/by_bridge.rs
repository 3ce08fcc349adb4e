//! Warm start, and how commands are sent to the bridge.

use serde_json::Value;

use super::recommendation::{Basis, Choice, Confidence, Evidence, Setting};
use super::recommendation_input::RecommendationInput;
use crate::record::{CaseState, Run};

/// `responsive` requires a command to be applied within this, in milliseconds.
pub(super) const APPLIED_TARGET_MS: f64 = 50.0;

/// The application's `ipc_mode`: it sends one command and does not wait, so no other mode is faster.
pub(super) const AS_WORKLY_DOES: &str = "no_wait";

/// Memory that everything besides the model needs, in bytes.
const OTHERS_BYTES: u64 = 4 << 30;

/// Warm start: on if memory has room; its gain is taken from the newest `warmup` run.
pub(super) fn warm_start(input: &RecommendationInput, runs: &[Run]) -> Choice {
    let (Some(memory), Some(model)) = (input.memory_bytes, &input.model) else {
        let reason = "the model or the size of the memory is not known";
        return Choice { value: None, ..Choice::by_rule(Setting::WarmStart, Value::Null, reason) };
    };
    let fits = memory >= model.file_bytes.saturating_add(OTHERS_BYTES);
    let reason = if fits {
        "memory has room for the model and 4 GiB for other programs, so the first answer does not wait for the disk"
    } else {
        "memory has no room for the model and 4 GiB for other programs: the model would be evicted before it is used"
    };
    let choice = Choice::by_rule(Setting::WarmStart, fits, reason);
    if !fits {
        return choice;
    }
    let choice = choice.costing("the load time at every start of Workly, even if no message follows");
    let attributed = |run: &Run| {
        let case = run.cases.iter().find(|case| case.path == "attribution/wait" && case.state == CaseState::Ok)?;
        Some([Evidence::of(run, case, "saved")?, Evidence::of(run, case, "from")?])
    };
    let Some([saved, from]) = runs.iter().rev().filter(|run| run.command == "warmup").find_map(attributed) else {
        return choice;
    };
    let Some((low, high)) = saved.interval else { return Choice { evidence: vec![saved, from], ..choice } };
    let (is_sooner, n) = (low > 0.0, saved.n);
    let reason = format!(
        "the first answer comes {:.0} ms [{low:.0}, {high:.0}] earlier than the {:.0} ms of a cold start (n {n})",
        saved.value, from.value
    );
    let confidence = if is_sooner { Confidence::Sure } else { Confidence::Guess };
    let reason = if is_sooner { reason } else { format!("{}; a warmup run did not show a difference", choice.reason) };
    Choice { basis: Basis::Measured, reason, evidence: vec![saved, from], confidence, ..choice }
}

/// Mode and batch window.
pub(super) fn ipc(runs: &[Run]) -> [Choice; 2] {
    let applied = runs.iter().rev().filter(|run| run.command == "ipc").find_map(lone_command);
    let mode = match applied {
        None => Choice::by_rule(
            Setting::IpcMode,
            AS_WORKLY_DOES,
            "what Workly does: one command per answer, without waiting for a reply; no ipc run has measured how long \
             that command takes",
        ),
        Some(evidence) => {
            let is_met = evidence.value <= APPLIED_TARGET_MS;
            let verdict = if is_met { "within" } else { "above" };
            let reason = format!(
                "what Workly does: one command per answer, without waiting for a reply; the command is applied after \
                 {:.2} ms on average, {verdict} the target of {APPLIED_TARGET_MS} ms",
                evidence.value
            );
            let confidence = if is_met { Confidence::Likely } else { Confidence::Guess };
            let choice = Choice::by_rule(Setting::IpcMode, AS_WORKLY_DOES, reason);
            Choice { basis: Basis::Measured, evidence: vec![evidence], confidence, ..choice }
        }
    };
    let window = Choice::by_rule(
        Setting::BatchWindowMs,
        0,
        "a batch window delays the first command, and the stock bridge replies to batches without executing them",
    );
    [mode, window]
}

/// The mean latency of a command triggered by a person: applied, under Poisson load.
fn lone_command(run: &Run) -> Option<Evidence> {
    let case = run.cases.iter().find(|case| case.state.stands() && case.path.starts_with("applied/poisson"))?;
    Evidence::of(run, case, "mean")
}
